# expr: a word is cut at a sign
#= tasks show stopped_at - started_at as took
tasks show stopped_at-started_at as took
