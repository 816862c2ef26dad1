# stage, clause: the canonical order
#= failures where cluster = batch since 7d by reason sort reason top 3
failures top 3 sort reason by reason since 7d where cluster = batch
