# target, noun
#! error: unknown noun `deploymnts`
#!   | failures near deploymnts within 5m
#!   |               ^^^^^^^^^^ did you mean `deployments`?
#!   = nouns: agent_disconnects, agent_updates, attempts, calls, collisions, containers, deployments, events, failures, flows, gaps, incidents, instances, launches, loads, patterns, quarantine, quota, runs, schedules, stalls, tasks (`ecs-audit fields`)
failures near deploymnts within 5m
