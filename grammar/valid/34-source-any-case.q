# source, noun
#= failures
FAILURES
