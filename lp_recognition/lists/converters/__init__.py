"""Other people's data sets -> crops and `path LABEL` lists: one module per data set, one engine for all."""
