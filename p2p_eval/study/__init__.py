"""The real-vs-fake study: designed, run and analysed."""
