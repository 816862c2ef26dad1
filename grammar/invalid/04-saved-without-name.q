# saved
#! error: missing name of a saved query after `@`
#!   | @ since 7d
#!   | ^
@ since 7d
