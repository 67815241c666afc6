"""The page's CSS for screen, dark mode, phone and paper. It loads no external files."""

STYLE = """
:root { color-scheme: light dark; --line: #2563a8; --bad: #b3261e; --good: #2e7d32; --edge: #8885; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --line: #7fb2ea; --bad: #ff8a80; --good: #81c784; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 68rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; } small, .soft { opacity: .75; font-size: .9rem; }
.needs { border-left: .4rem solid var(--bad); background: var(--soft); padding: .5rem 1rem; margin: 1rem 0; }
.fine { border-color: var(--good); }
.needs h2 { margin: 0; } .needs ul { margin: .3rem 0; padding-left: 1.2rem; } code { font-size: .9em; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--edge); padding: .25rem .5rem; text-align: left; vertical-align: top; }
th { font-weight: 600; overflow-wrap: normal; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child { white-space: nowrap; } .cards td:first-child { white-space: normal; }
.bad { color: var(--bad); font-weight: 600; }
.plots { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
figure { margin: .5rem 0; } svg { width: 100%; height: 6rem; display: block; border-bottom: 1px solid var(--edge); }
.line { fill: none; stroke: var(--line); stroke-width: 2; vector-effect: non-scaling-stroke; }
.area { fill: var(--line); opacity: .15; }
.ends { display: flex; justify-content: space-between; font-size: .8rem; opacity: .75; }
details { margin: .8rem 0; } summary { cursor: pointer; font-weight: 600; }
footer { margin-top: 3rem; border-top: 1px solid var(--edge); padding-top: .5rem; }
@media (max-width: 44rem) {
  .plots { grid-template-columns: 1fr; gap: 0; }
  .n, td:first-child { white-space: normal; }
  table { font-size: .8rem; } th, td { padding: .2rem .25rem; } .cards { font-size: .9rem; }
  .cards thead { display: none; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; width: 100%; }
  .cards tr { border-bottom: 1px solid var(--edge); padding: .4rem 0; }
  .cards td { border: 0; padding: .05rem 0; text-align: right; display: flex; justify-content: space-between; gap: 1rem; }
  .cards td::before { content: attr(data-name); opacity: .75; text-align: left; flex: none; }
  .cards td:first-child { font-weight: 600; justify-content: flex-start; text-align: left; }
  .cards td:first-child::before { content: none; }
}
@media print {
  :root { color-scheme: light; --line: #000; --bad: #000; --good: #000; }
  table { font-size: 8pt; } th, td { padding: .1rem .3rem; }
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; }
  tr, figure, .needs { break-inside: avoid; } h2, h3, summary { break-after: avoid; } a { color: inherit; text-decoration: none; }
}
"""
