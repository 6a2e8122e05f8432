"""The result as a picture: an SVG made by hand, one bar per line, the spread as a whisker, what is wanted as a mark."""
from xml.sax.saxutils import escape

ROW, LEFT, WIDTH, RIGHT = 22, 330, 520, 150
GOOD, BAD, INK, PALE = '#2a7f4f', '#b5432e', '#222222', '#dddddd'


def svg(result):
    rows = result['lines']
    top = max([1.5] + [r['ratio']['max'] for r in rows] + [r['wanted'] for r in rows]) * 1.05
    height = 70 + ROW * len(rows)

    def x(ratio):
        return LEFT + WIDTH * min(ratio, top) / top

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
           f'font-family="sans-serif" font-size="12" fill="{INK}">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="12" y="22" font-size="15" font-weight="bold">wherryd: throughput as a ratio to the best of '
           f'{escape(", ".join(result["peers"]))}</text>',
           f'<text x="12" y="40">median of {result["rounds"]} rounds of {result["seconds"]} s; whisker: the rounds; '
           f'mark: wanted; right: server CPU per request as a ratio</text>']
    ticks = [t / 4 for t in range(0, int(top * 4) + 1)]
    for t in ticks:
        out.append(f'<line x1="{x(t):.1f}" y1="52" x2="{x(t):.1f}" y2="{height - 14}" '
                   f'stroke="{INK if t == 1 else PALE}" stroke-width="1"/>')
        out.append(f'<text x="{x(t):.1f}" y="{height - 2}" text-anchor="middle" font-size="10">{t:g}</text>')
    for i, r in enumerate(rows):
        y = 56 + ROW * i
        middle = y + 8
        ratio = r['ratio']
        colour = GOOD if ratio['median'] >= r['wanted'] else BAD
        out.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">'
                   f'{escape(r["title"])} · {r["transport"]}</text>')
        out.append(f'<rect x="{LEFT}" y="{y}" width="{x(ratio["median"]) - LEFT:.1f}" height="16" fill="{colour}"/>')
        out.append(f'<line x1="{x(ratio["min"]):.1f}" y1="{middle}" x2="{x(ratio["max"]):.1f}" y2="{middle}" '
                   f'stroke="{INK}" stroke-width="2"/>')
        out.append(f'<line x1="{x(r["wanted"]):.1f}" y1="{y - 2}" x2="{x(r["wanted"]):.1f}" y2="{y + 18}" '
                   f'stroke="{INK}" stroke-width="1" stroke-dasharray="3 2"/>')
        out.append(f'<text x="{LEFT + WIDTH + 8}" y="{middle + 4}">{ratio["median"]:.2f} · CPU '
                   f'{r["cpuRatio"]["median"]:.2f}</text>')
    out.append('</svg>')
    return '\n'.join(out) + '\n'
