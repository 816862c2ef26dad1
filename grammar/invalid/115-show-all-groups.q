# every_column
#! error: `*` means the columns of a row, but this stage has groups
#!   | failures by reason show *
#!   |                         ^ name measures, such as `show count, share, calls, missing`
failures by reason show *
