# relation: not belongs to the clause
calls where failed not following failures within 5m matching service
