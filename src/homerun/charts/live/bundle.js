// The figures of a page from what bundle.py wrote: each long list once, what items say by columns.

/** Return what a base64 text holds, compressed. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), sign => sign.charCodeAt(0))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
}

/** Return the lines that were written as one mark. */
function lines(mark) {
  if (!mark.counts) return mark
  const {counts, x, y, hovers, ...look} = mark
  let end = 0
  return counts.map((count, i) => ({...look, hover: hovers[i], x: x.slice(end, end + count), y: y.slice(end, end += count)}))
}

/** Return the data of figures, of such a text, with their lists in place. */
export async function opened(text) {
  const {figures, lists} = JSON.parse(await unpacked(text))
  const open = value => {
    if (Array.isArray(value)) return value.map(open)
    if (value === null || typeof value !== 'object') return value
    if (value.list !== undefined && value.start === undefined) return lists[value.list]
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, open(inner)]))
  }
  return figures.map(packed => {
    const {told, ...data} = open(packed)
    const texts = told.flatMap(cells => {
      const count = lists[cells[0].list].length
      return Array.from({length: count}, (_, row) => cells.map(({start, end, list}) => start + lists[list][row] + end).join(''))
    })
    const say = text => typeof text === 'number' ? texts[text] : text
    for (const panel of data.panels) {
      for (const mark of panel.marks) for (const name of ['hovers', 'texts']) if (mark[name]) mark[name] = mark[name].map(say)
      panel.marks = panel.marks.flatMap(lines)
    }
    return data
  })
}
