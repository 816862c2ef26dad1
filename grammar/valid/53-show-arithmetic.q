# show, item, expr, product, operand
#= failures by service show sum(missing_tasks) * 100 / count as rate
failures by service show sum(missing_tasks)*100/count as rate
