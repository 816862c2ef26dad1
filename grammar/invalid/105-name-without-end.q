# name
#! error: unclosed backtick
#!   | failures by `reason
#!   |             ^^^^^^^ add a closing backtick
failures by `reason
