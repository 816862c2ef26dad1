# relation: does not run yet
#! error: `following` does not run yet in this version
#!   | failures following agent_updates within 10m matching container_instance
#!   |          ^^^^^^^^^
failures following agent_updates within 10m matching container_instance
