# saved
#! error: unknown saved query `@nightyl`
#!   | @nightyl since 7d
#!   | ^^^^^^^^ did you mean `nightly`?
#!   = `ecs-audit queries` lists the saved queries
@nightyl since 7d
