# duration, unit: every unit
#= tasks where duration > 1w2d3h4m5s since 1y2mo
tasks where duration > 1w2d3h4m5s since 1y2mo
