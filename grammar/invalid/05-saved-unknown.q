# saved
#! error: there is no saved query `@nightyl`
#!   | @nightyl since 7d
#!   | ^^^^^^^^ did you mean `nightly`?
@nightyl since 7d
