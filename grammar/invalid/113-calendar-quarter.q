# calendar
#! error: `last quarter` is not a point in time
#!   | failures since last quarter
#!   |                ^^^^^^^^^^^^ `last` takes `week`, `month` or `year`
failures since last quarter
