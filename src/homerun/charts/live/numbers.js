// Numbers: scales, ticks and units as in ticks.py, smoothing as in curves.py; colours, what is near,
// texts that fit.

export const REACH = 24 // pixels within which something is picked

export const isThere = v => v !== null && Number.isFinite(v)
export const clamp = (v, low, high) => Math.min(Math.max(v, low), high)

/** Return the way from values to pixels and back. */
export function scale(axis, [low, high], [from, to]) {
  const isLog = axis.scale === 'log'
  const way = isLog ? Math.log10 : v => v
  const start = way(low)
  const slope = (to - from) / (way(high) - start || 1)
  return {
    low, high,
    at: v => v === null || (isLog && v <= 0) ? NaN : from + (way(v) - start) * slope,
    back: px => isLog ? 10 ** (start + (px - from) / slope) : start + (px - from) / slope,
  }
}

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
const LOG_SECONDS = [1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, 86400, 864000, 8640000]
const FINE_LOG_SECONDS = [...LOG_SECONDS, 0.003, 0.03, 0.3, 3, 30, 120, 300, 1800]
const FINEST_LOG_SECONDS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 40, 60, 90,
  120, 180, 240, 300, 600, 1200, 1800, 3600, 7200, 14400, ...LOG_SECONDS.slice(8),
]
const UNITS = {
  seconds: [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms']],
  bytes: [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [1024, 'KiB'], [1, 'B']],
}

/** Return a number with few digits: 0.00123, 1e-5, 12,300; below `low` and from `high` on with an exponent. */
export function plain(v, low = 1e-4, high = 1e6) {
  const size = Math.abs(v)
  if (v === 0) return '0'
  if (size < low || size >= high) return v.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e')
  return size >= 1e4 ? Math.round(v).toLocaleString('en') : String(Number(v.toPrecision(4)))
}

/** Return a value with its unit; `like`: the size that chooses the unit. */
export function show(v, unit, like = Math.abs(v)) {
  if (!isThere(v)) return 'none'
  if (unit === 'share') return `${plain(100 * v)} %`
  if (!(unit in UNITS)) return plain(v)
  if (v === 0) return '0'
  const [size, name] = UNITS[unit].find(([size]) => like >= size * 1.5 || like === size) ?? UNITS[unit].at(-1)
  return `${plain(v / size)} ${name}`
}

function stepOf(rough, unit) {
  if (unit === 'seconds' && rough > 0.5 && rough < 86400) return SECONDS.find(step => step >= rough)
  let base = unit === 'seconds' && rough >= 86400 ? 86400 : 1
  if (unit === 'bytes' && rough >= 1) base = 1024 ** Math.floor(Math.log2(rough) / 10)
  const power = 10 ** Math.floor(Math.log10(rough / base))
  return base * power * [1, 2, 5, 10].find(m => m * power * base >= rough * (1 - 1e-9))
}

/** Return round values with their texts, about `most` of them. */
export function ticks(axis, low, high, most) {
  if (axis.scale === 'category') {
    const every = Math.max(1, Math.ceil((high - low) / most))
    return axis.categories.map((text, value) => ({value, text}))
      .filter(({value}) => value % every === 0 && value >= low && value <= high)
  }
  const isLog = axis.scale === 'log' && high / low > 4
  const largest = axis.unit === 'seconds' ? 5 * stepIn(axis, low, high, most) : Infinity // 15 s, 30 s, not 0.25 min, 0.5 min
  const like = axis.scale === 'log' ? undefined : Math.min(Math.max(Math.abs(low), Math.abs(high)), largest)
  const inside = (isLog ? byFactors(axis, low, high, most) : bySteps(axis, low, high, most))
    .filter(v => v >= low - Math.abs(low) * 1e-12 && v <= high + Math.abs(high) * 1e-12)
  const isShort = !axis.unit && inside.some(v => plain(v).includes('e')) // not 0.0001 beside 1e-8
  return inside.map(value => ({value, text: isShort ? plain(value, 1e-2, 1e4) : show(value, axis.unit, like)}))
}

const stepIn = (axis, low, high, most) => Math.max(stepOf((high - low) / Math.max(most, 1), axis.unit), axis.is_whole ? 1 : 0)

function bySteps(axis, low, high, most) {
  const step = stepIn(axis, low, high, most)
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({length: 50}, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

function byFactors(axis, low, high, most) {
  if (axis.unit === 'seconds') {
    for (const steps of [FINEST_LOG_SECONDS, FINE_LOG_SECONDS, LOG_SECONDS]) {
      const inside = steps.filter(v => v >= low && v <= high).sort((a, b) => a - b)
      if (inside.length > 1 && inside.length <= most) return inside
    }
  }
  const every = Math.max(1, Math.ceil(Math.log10(high / low) / most))
  let found = []
  for (const factors of [[1, 2, 5], [1, 3], [1]]) {
    found = []
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
      if (p % every === 0) found.push(...factors.map(m => Number(`${m}e${p}`)).filter(v => v >= low && v <= high))
    }
    if (found.length <= most) break
  }
  return found
}

/** Smooth values as W&B and TensorBoard do: a mean that forgets, without its bias to 0. */
export function smooth(values, weight) {
  if (!weight) return values
  let mean = 0, seen = 0
  return values.map(v => {
    if (!isThere(v)) return v
    mean = mean * weight + v * (1 - weight)
    seen = seen * weight + (1 - weight)
    return mean / seen
  })
}

const part = (color, k) => parseInt(color.slice(1 + 2 * k, 3 + 2 * k), 16)

/** Return a colour of a ramp, 0 .. 1. */
export function ramp(colors, t) {
  const at = clamp(t, 0, 1) * (colors.length - 1)
  const i = Math.min(Math.floor(at), colors.length - 2)
  const mixed = [0, 1, 2].map(k => Math.round(part(colors[i], k) + (part(colors[i + 1], k) - part(colors[i], k)) * (at - i)))
  return `#${mixed.map(v => v.toString(16).padStart(2, '0')).join('')}`
}

/** Return black or white: what is read on a colour. */
export const on = color => [0.21, 0.72, 0.07].reduce((sum, w, k) => sum + w * (part(color, k) / 255) ** 2.2, 0) > 0.3 ? '#000' : '#fff'

/** Return which item of a placed mark is nearest to a pixel: {index, distance} or null. */
export function pick(placed, x, y) {
  const {px, py, rects} = placed
  let best = REACH * REACH, index = -1
  if (rects) {
    for (let i = rects.length - 1; i >= 0; i--) {
      const [left, top, right, bottom] = rects[i]
      if (x >= left - 2 && x <= right + 2 && y >= top && y <= bottom) return {index: i, distance: REACH / 2}
    }
    return null
  }
  for (let i = 0; i < (px?.length ?? 0); i++) {
    let dx = px[i] - x, dy = py[i] - y
    let near = dx * dx + dy * dy
    if (near < best) { best = near; index = i }
    if (!placed.isPath || !(i + 1 < px.length)) continue
    if (Math.max(px[i], px[i + 1]) < x - REACH || Math.min(px[i], px[i + 1]) > x + REACH) continue
    const ex = px[i + 1] - px[i], ey = py[i + 1] - py[i]
    const t = clamp(-(dx * ex + dy * ey) / (ex * ex + ey * ey || 1), 0, 1)
    dx += t * ex; dy += t * ey
    near = dx * dx + dy * dy
    if (near < best) { best = near; index = t < 0.5 ? i : i + 1 }
  }
  return index < 0 ? null : {index, distance: Math.sqrt(best)}
}

/** Return a text that fits, its end cut. */
export function fit(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text
  let length = text.length
  while (length > 1 && ctx.measureText(`${text.slice(0, length)}…`).width > room) length--
  return `${text.slice(0, length)}…`
}

/** Return a text in lines that fit. */
export function wrap(ctx, text, room) {
  const lines = []
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word
    if (lines.length && ctx.measureText(longer).width <= room) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}
