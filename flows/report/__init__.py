"""The report: one HTML page about an archive, for people.

`asking` gathers the figures (`figures`) from the views, the records and the status, of what `choosing` decides. `drawing`, `of_archive`,
`of_money` and `of_messages` say as Vega-Lite, by Altair, how they are drawn, `wording` how numbers are written. `page` makes of it a page
that needs nothing else, for `vega.js` is in it. `nightly` leaves such a page in the lake after a run.
"""
