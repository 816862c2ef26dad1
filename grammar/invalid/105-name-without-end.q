# name
#! error: unclosed name
#!   | failures by `reason
#!   |             ^^^^^^^ add a closing backtick
failures by `reason
