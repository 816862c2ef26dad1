-- The reason of the first failure of each call that starts tasks.
select f.id, f.reason
from failures f
where f.kind in ('launch', 'api_error') and f.event_name in ('RunTask', 'StartTask') and f.reason is not null
