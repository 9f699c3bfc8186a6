// The marks of a figure: where they are, how they are drawn, what they say.

import {on, ramp, show} from './numbers.js'

const RING = 2 * Math.PI

const pixels = (values, way) => Float64Array.from(values, way.at)

function stroke(ctx, px, py, isStepped) {
  ctx.beginPath()
  let isDown = false
  for (let i = 0; i < px.length; i++) {
    if (Number.isNaN(px[i] + py[i])) { isDown = false; continue }
    if (isDown && isStepped) ctx.lineTo(px[i], py[i - 1])
    ctx[isDown ? 'lineTo' : 'moveTo'](px[i], py[i])
    isDown = true
  }
  ctx.stroke()
}

export function dot(ctx, x, y, r, marker) {
  if (marker === 'cross') {
    for (const s of [-1, 1]) { ctx.moveTo(x - r, y - s * r); ctx.lineTo(x + r, y + s * r) }
  } else { ctx.moveTo(x + r, y); ctx.arc(x, y, r, 0, RING) }
}

export const radius = (mark, i) => (mark.x.length > 8000 ? 1.6 : mark.x.length > 1500 ? 2.5 : 3.5) * Math.sqrt(mark.area?.[i] ?? 1)
const named = (axis, v) => axis.scale === 'category' ? axis.categories[Math.round(v)] ?? '' : show(v, axis.unit)

/** Return what an item says, in lines. */
export function said(mark, panel, i) {
  if (mark.hovers?.[i] !== undefined) return mark.hovers[i]
  const at = [['x', panel.x], ['y', panel.y]].map(([side, axis]) => `${axis.label}: ${named(axis, mark[side][i])}`)
  return [mark.hover || mark.label, ...at].filter(Boolean).join('\n')
}

/** By name: `place` returns where a mark is, `draw` puts it there. */
export const MARKS = {
  points: {
    place: (mark, x, y) => ({px: pixels(mark.x, x), py: pixels(mark.y, y)}),
    draw(ctx, mark, {px, py}, color, extra, theme) {
      ctx.globalAlpha = mark.is_faint ? theme.faint : mark.x.length > 500 ? 0.6 : 0.85
      ctx.lineWidth = 1.5
      ctx.beginPath()
      for (let i = 0; i < px.length; i++) if (!Number.isNaN(px[i] + py[i])) dot(ctx, px[i], py[i], radius(mark, i), mark.marker)
      if (mark.marker) {
        Object.assign(ctx, {strokeStyle: theme.paper, lineWidth: 4})
        ctx.stroke()
        Object.assign(ctx, {strokeStyle: color, lineWidth: 1.5})
      }
      ctx[mark.marker ? 'stroke' : 'fill']()
    },
  },
  line: {
    place: (mark, x, y) => ({px: pixels(mark.x, x), py: pixels(mark.y, y), isPath: true}),
    draw(ctx, mark, {px, py}, color, extra, theme) {
      ctx.globalAlpha = mark.is_faint && !extra ? theme.faint : 1
      ctx.lineWidth = (mark.width ?? 1.5) * 1.2 + extra
      ctx.setLineDash(mark.is_dashed ? [5, 4] : [])
      stroke(ctx, px, py, mark.is_stepped)
      ctx.setLineDash([])
      let last = px.length - 1
      while (last >= 0 && Number.isNaN(px[last] + py[last])) last--
      if (mark.end !== 'stopped' || last < 0) return
      ctx.beginPath()
      dot(ctx, px[last], py[last], 3.5, 'cross')
      ctx.stroke()
    },
  },
  band: {
    place: (mark, x, y) => ({ax: pixels(mark.x, x), low: pixels(mark.low, y), high: pixels(mark.high, y)}),
    draw(ctx, mark, {ax, low, high}) {
      ctx.globalAlpha = 0.18
      const at = [...ax.keys()].filter(i => !Number.isNaN(ax[i] + low[i] + high[i]))
      ctx.beginPath()
      at.forEach((i, k) => ctx[k ? 'lineTo' : 'moveTo'](ax[i], high[i]))
      at.reverse().forEach(i => ctx.lineTo(ax[i], low[i]))
      ctx.fill()
    },
  },
  bars: {
    place(mark, x, y, box) {
      const half = Math.abs(y.at(0.5) - y.at(0))
      return {
        zero: x.at(0), value: pixels(mark.value, x), low: pixels(mark.low ?? [], x), high: pixels(mark.high ?? [], x), at: pixels(mark.y, y), half,
        rects: mark.y.map(v => [box.left, y.at(v) - half, box.right, y.at(v) + half]),
      }
    },
    draw(ctx, mark, {zero, value, low, high, at, half}, color, extra, theme) {
      const thick = Math.min(half * 1.3, 26)
      for (let i = 0; i < at.length; i++) {
        if (Number.isNaN(value[i])) continue
        ctx.globalAlpha = mark.is_pale?.[i] ? 0.35 : 0.9
        ctx.fillRect(Math.min(zero, value[i]), at[i] - thick / 2, Math.abs(value[i] - zero), thick)
        if (Number.isNaN(low[i] + high[i]) || low[i] === undefined) continue
        ctx.globalAlpha = 1
        ctx.strokeStyle = theme.ink
        ctx.lineWidth = 1.5
        ctx.beginPath()
        ctx.moveTo(low[i], at[i]); ctx.lineTo(high[i], at[i])
        for (const end of [low[i], high[i]]) { ctx.moveTo(end, at[i] - 4); ctx.lineTo(end, at[i] + 4) }
        ctx.stroke()
      }
    },
  },
  boxes: {
    place(mark, x, y) {
      const half = Math.abs(x.at((mark.width ?? 0.5) / 2) - x.at(0))
      return {
        middle: pixels(mark.middle, y),
        rects: mark.x.map((v, i) => [x.at(v) - half, y.at(mark.high[i]), x.at(v) + half, y.at(mark.low[i])]),
      }
    },
    draw(ctx, mark, {rects, middle}) {
      rects.forEach(([left, top, right, bottom], i) => {
        ctx.globalAlpha = 0.2
        ctx.fillRect(left, top, right - left, bottom - top)
        ctx.globalAlpha = 1
        ctx.lineWidth = 2
        ctx.beginPath()
        ctx.moveTo(left, middle[i]); ctx.lineTo(right, middle[i])
        ctx.stroke()
      })
    },
  },
  spans: {
    place(mark, x, y) {
      const half = Math.abs(y.at((mark.height ?? 0.7) / 2) - y.at(0))
      return {rects: mark.y.map((v, i) => [x.at(mark.start[i]), y.at(v) - half, Math.max(x.at(mark.end[i]), x.at(mark.start[i]) + 1), y.at(v) + half])}
    },
    draw(ctx, mark, {rects}, color) {
      rects.forEach(([left, top, right, bottom], i) => {
        ctx.globalAlpha = 0.9
        ctx.fillStyle = color
        ctx.fillRect(left, top, Math.max(right - left - (right - left > 4 ? 1 : 0), 1), bottom - top)
        const text = mark.texts?.[i]
        if (!text || bottom - top < 12 || ctx.measureText(text).width > right - left - 6) return
        ctx.globalAlpha = 1
        ctx.fillStyle = on(color)
        write(ctx, text, (left + right) / 2, (top + bottom) / 2, 'center', 'middle')
      })
    },
  },
  cells: {
    place: (mark, x, y) => ({rects: mark.edges.map(([left, low, right, high]) => [x.at(left), y.at(high), x.at(right), y.at(low)])}),
    draw(ctx, mark, {rects}, color, extra, theme) {
      rects.forEach(([left, top, right, bottom], i) => {
        ctx.fillStyle = ramp(theme.ramp, mark.shares[i])
        ctx.fillRect(left, top, right - left + 0.5, bottom - top + 0.5)
      })
    },
  },
  rule: {
    place: (mark, x, y, box) => mark.along === 'x' ? {line: [x.at(mark.at), box.top, x.at(mark.at), box.bottom]} : {line: [box.left, y.at(mark.at), box.right, y.at(mark.at)]},
    draw(ctx, mark, {line: [x0, y0, x1, y1]}, color, extra, theme) {
      ctx.strokeStyle = ctx.fillStyle = theme.muted
      ctx.lineWidth = 1
      ctx.setLineDash(mark.is_dashed === false ? [] : [4, 4])
      ctx.beginPath()
      ctx.moveTo(x0, y0); ctx.lineTo(x1, y1)
      ctx.stroke()
      ctx.setLineDash([])
      if (!mark.text) return
      if (mark.along === 'x') write(ctx, mark.text, x0 + 4, y0 + 2, 'left', 'top')
      else write(ctx, mark.text, x1 - 4, y0 - 2, 'right', 'bottom')
    },
  },
}

export function write(ctx, text, x, y, align = 'left', baseline = 'alphabetic', way = 'fillText') {
  ctx.textAlign = align
  ctx.textBaseline = baseline
  ctx[way](text, x, y)
}
