# Changes made in the half hour before checkout failed
calls where event_name in (UpdateService, RegisterTaskDefinition, StopTask) preceding (failures where service = checkout) within 30m matching service since 3d show time, user, event_name, request_id
