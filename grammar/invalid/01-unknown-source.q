# source, noun
#! error: unknown noun `failurs`
#!   | failurs by reason since 7d
#!   | ^^^^^^^ did you mean `failures`?
#!   = nouns: agent_disconnects, agent_updates, attempts, calls, collisions, containers, deployments, events, failures, flows, gaps, incidents, instances, launches, loads, patterns, quarantine, quota, runs, schedules, stalls, tasks (`ecs-audit fields`)
failurs by reason since 7d
