# saved
#! error: a saved query has a name after `@`
#!   | @ since 7d
#!   | ^
@ since 7d
