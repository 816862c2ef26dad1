# source, noun
#! error: unknown source `failurs`
#!   | failurs by reason since 7d
#!   | ^^^^^^^ did you mean `failures`?
#!   = sources: agent_disconnects, agent_updates, attempts, calls, collisions, containers, deployments, events, failures, flows, gaps, instances, launches, loads, patterns, quarantine, quota, runs, schedules, stalls, tasks (`ecs-audit fields`)
failurs by reason since 7d
