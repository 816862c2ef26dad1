# show, every_column
failures since 7d show *, raw.userAgent as agent limit all
