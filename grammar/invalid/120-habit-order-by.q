# sort: of other languages
#! error: unexpected `group`: expected a clause
#!   | failures group by reason order by count desc
#!   |          ^^^^^ write `by`
#!
#! error: unexpected `order`: expected a clause
#!   | failures group by reason order by count desc
#!   |                          ^^^^^ write `sort`
#!   = help: did you mean `failures by reason sort -count`?
failures group by reason order by count desc
