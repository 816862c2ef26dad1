# query: SQL
#! error: this is SQL, but a query starts with a noun such as `failures`
#!   | select reason, count(*) from failures group by reason
#!   | ^^^^^^
#!   = help: to run SQL: `ecs-audit sql "select reason, count(*) from failures group by reason"`
select reason, count(*) from failures group by reason
