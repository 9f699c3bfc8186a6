// Draws a figure (figure.py, as JSON) that answers to mouse, touch and keys. It needs nothing else.

import {MARKS, dot, radius, said, write} from './marks.js'
import {REACH, clamp, fit, pick, ramp, scale, smooth, ticks, wrap} from './numbers.js'
import {SvgContext} from './svg.js'

const FONT = '12px system-ui, sans-serif'
const LINE = 18 // pixels a line of text is high

function add(parent, tag, className = '', text = '') {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return parent.appendChild(element)
}

export class Chart {
  constructor(element, data, {theme} = {}) {
    Object.assign(this, {element, data, asked: theme, hidden: new Set(), weight: null, views: {}, now: null, drag: null})
    this.labels = [...new Set(data.panels.flatMap(panel => panel.marks.map(mark => mark.label).filter(Boolean)))]
    element.homerun = this // for scripts of the page
    this.prepare()
    this.build()
    this.redraw = () => this.draw()
    this.media = ['(prefers-color-scheme: dark)', 'print'].map(query => matchMedia(query))
    for (const query of this.media) query.addEventListener('change', this.redraw)
    this.size = new ResizeObserver(() => { if (this.stage.clientWidth !== this.width) this.draw() })
    this.size.observe(this.stage)
    this.draw()
  }

  /** Note what each curve was before it was smoothed, and whether that is drawn, too. */
  prepare() {
    if (this.data.kind !== 'curves') return
    for (const {marks} of this.data.panels) marks.forEach((mark, i) => {
      if (mark.mark !== 'line' || !(mark.hover || mark.label)) return
      const below = marks[i - 1]
      const hasRaw = below?.is_faint && below.color === mark.color && below.x.length === mark.x.length && !below.hover
      Object.assign(mark, {raw: hasRaw ? below.y : mark.y, hasRaw: hasRaw || mark.is_faint})
    })
  }

  /** Return a mark as it is drawn: a curve smoothed, over what it was. */
  smoothed(mark) {
    if (!mark.raw || this.weight === null) return [mark]
    const under = mark.hasRaw || !this.weight ? [] : [{...mark, y: mark.raw, is_faint: true}]
    return [...under, {...mark, y: smooth(mark.raw, this.weight)}]
  }

  destroy() {
    for (const query of this.media) query.removeEventListener('change', this.redraw)
    this.size.disconnect()
    this.element.replaceChildren()
  }

  build() {
    const {data} = this
    this.element.replaceChildren()
    this.root = add(this.element, 'figure', 'hr-figure')
    this.root.setAttribute('aria-label', data.title || data.kind) // else it is its caption
    if (data.title) add(this.root, 'h3', '', data.title)
    const bar = add(this.root, 'div', 'hr-figure-bar')
    this.keys = this.labels.filter(label => this.first(label).mark !== 'cells').map(label => {
      const key = add(bar, 'button', '', label)
      const {mark, marker} = this.first(label)
      key.prepend(document.createElement('i'))
      key.firstChild.className = mark === 'line' ? mark : marker ?? 'filled'
      key.title = 'click: hide or show, double click: only this'
      key.onclick = () => this.toggle(label)
      key.ondblclick = () => this.only(label)
      key.onpointerenter = () => this.focus(label)
      key.onpointerleave = () => this.focus('')
      return [label, key]
    })
    const tools = add(bar, 'div')
    if (data.panels.some(({marks}) => marks.some(mark => mark.raw) && !marks.some(mark => mark.mark === 'band'))) {
      const slider = add(add(tools, 'label', '', 'smoothing '), 'input')
      Object.assign(slider, {type: 'range', min: 0, max: 0.99, step: 0.01, value: 0})
      slider.oninput = () => { this.weight = Number(slider.value); this.draw() }
    }
    for (const [name, title, act] of [['reset', 'whole range (double click)', () => this.reset()], ['PNG', 'save as PNG', () => this.save('png')], ['SVG', 'save as SVG', () => this.save('svg')]]) {
      Object.assign(add(tools, 'button', '', name), {title, onclick: act})
    }
    const stage = this.stage = add(this.root, 'div', 'hr-figure-stage')
    stage.tabIndex = 0
    stage.setAttribute('role', 'application')
    stage.setAttribute('aria-label', `${data.title}. ${data.caption ?? ''} Arrow keys walk over what it shows.`)
    this.canvases = ['base', 'series', 'top'].map(() => add(stage, 'canvas'))
    this.tip = add(stage, 'div', 'hr-figure-tip')
    this.zoom = add(stage, 'div', 'hr-figure-zoom')
    this.live = add(this.root, 'div', 'hr-figure-live')
    this.live.setAttribute('aria-live', 'polite')
    add(this.root, 'figcaption', '', data.caption ?? '')
    stage.onpointermove = event => this.move(event)
    stage.onpointerdown = event => this.press(event)
    stage.onpointerup = stage.onpointercancel = event => this.release(event)
    stage.onpointerleave = event => this.drag || event.pointerType !== 'mouse' || this.tell(null)
    stage.ondblclick = () => this.reset()
    stage.onkeydown = event => this.key(event)
    stage.addEventListener('wheel', event => this.wheel(event), {passive: false})
  }

  first(label) {
    return this.data.panels.flatMap(panel => panel.marks).find(mark => mark.label === label)
  }

  colors() {
    const {palette} = this.data
    const isDark = (this.asked ?? document.documentElement.dataset.theme ?? (this.media[0].matches ? 'dark' : 'light')) === 'dark' && !this.media[1].matches
    const ramp = isDark ? palette.ramp : [...palette.ramp].reverse() // the best stands out from the paper
    return {...palette, ...palette[isDark ? 'dark' : 'light'], ramp, faint: isDark ? 0.55 : 0.27}
  }

  color(mark, theme) {
    const color = mark.color ?? 'accent'
    return typeof color === 'number' ? theme.categories[color % theme.categories.length] : theme[color]
  }

  isShown(mark) {
    return !mark.label || !this.hidden.has(mark.label)
  }

  // ---- drawing

  layout(ctx, width, theme) {
    const {panels, shares_x: isShared, columns: wanted = 1, height: planned} = this.data
    const columns = clamp(Math.floor(width / 250), 1, wanted)
    const rows = Math.ceil(panels.length / columns)
    const wider = window === window.parent ? clamp(width / this.data.width, 1, 1.6) : 1 // a frame has its height
    const height = planned * wider * rows / Math.ceil(panels.length / wanted)
    const weights = Array.from({length: rows}, (_, r) => Math.max(...panels.slice(r * columns, (r + 1) * columns).map(panel => panel.weight ?? 1)))
    const share = weights.map(weight => height * weight / weights.reduce((a, b) => a + b, 0))
    const room = width / columns
    ctx.font = `600 ${FONT}`
    const titles = panels.map(panel => wrap(ctx, panel.title ?? '', room - 24))
    const most = weights.map((_, r) => Math.max(...titles.slice(r * columns, (r + 1) * columns).map(lines => lines.length)))
    ctx.font = FONT
    const wide = texts => Math.max(0, ...texts.map(text => ctx.measureText(text).width))
    const parts = panels.map((panel, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns]
      const isLast = !isShared || i + columns >= panels.length
      const [xKey, yKey] = [`x${isShared ? `c${column}` : i}`, `y${i}`]
      const marks = panel.marks.filter(mark => this.isShown(mark))
      const names = panel.x.scale === 'category' ? panel.x.categories : []
      const isTurned = wide(names) > room * 0.8 / Math.max(names.length, 1) - 6
      const turn = isTurned ? Math.min(wide(names), 130) * 0.6 : 0
      const top = share.slice(0, row).reduce((a, b) => a + b, 0) + 8 + most[row] * LINE + (panel.y.label ? LINE : 0)
      const bottom = share.slice(0, row).reduce((a, b) => a + b, share[row]) - (isLast ? (panel.x.label ? 2 : 1) * LINE + 4 + turn : 8)
      const part = {panel, title: titles[i], marks, isLast, turn, xKey, yKey, box: {left: 0, top, right: (column + 1) * room - 14, bottom}}
      part.xSpan = this.views[xKey] ?? panel.x.ends
      part.ySpan = this.views[yKey] ?? panel.y.ends
      part.yTicks = ticks(panel.y, ...part.ySpan, Math.max(2, (bottom - top) / (panel.y.scale === 'category' ? LINE - 2 : 45)))
      part.cells = marks.find(mark => mark.mark === 'cells')
      if (part.cells) part.box.right -= 62
      part.labels = Math.min(wide(part.yTicks.map(tick => tick.text)), room * 0.4)
      return part
    })
    parts.forEach((part, i) => {
      const {box, panel} = part
      const column = i % columns
      part.edge = column * room + 10
      box.left = part.edge + Math.max(...parts.filter((_, k) => k % columns === column).map(other => other.labels))
      part.x = scale(panel.x, part.xSpan, [box.left, box.right])
      part.y = scale(panel.y, part.ySpan, [box.bottom, box.top])
      part.placed = part.marks.flatMap(mark => this.smoothed(mark))
        .map(mark => ({mark, ...MARKS[mark.mark].place(mark, part.x, part.y, box)}))
    })
    return {parts, width, height, theme}
  }

  paint(ctx, {parts, theme}) {
    for (const part of parts) {
      this.frame(ctx, part, theme)
      ctx.save()
      this.clip(ctx, part.box)
      const inks = part.cells ? {...theme, ink: '#000', paper: '#fff'} : theme
      for (const placed of part.placed) this.mark(ctx, placed, inks)
      ctx.restore()
      this.texts(ctx, part, theme)
    }
  }

  clip(ctx, {left, top, right, bottom}) {
    ctx.beginPath()
    ctx.rect(left - 4, top - 4, right - left + 8, bottom - top + 8)
    ctx.clip()
  }

  mark(ctx, placed, theme, extra = 0) {
    ctx.fillStyle = ctx.strokeStyle = this.color(placed.mark, theme)
    ctx.lineJoin = 'bevel'
    MARKS[placed.mark.mark].draw(ctx, placed.mark, placed, ctx.fillStyle, extra, theme)
    ctx.globalAlpha = 1
  }

  frame(ctx, part, theme) {
    const {panel, box: {left, top, right, bottom}, x, y} = part
    ctx.lineWidth = 1
    ctx.fillStyle = theme.ink
    ctx.font = `600 ${FONT}`
    const foot = top - (panel.y.label ? LINE : 0) - 6
    part.title.forEach((line, i) => write(ctx, fit(ctx, line, right - part.edge), part.edge, foot - (part.title.length - 1 - i) * LINE))
    ctx.font = FONT
    ctx.fillStyle = theme.muted
    if (panel.y.label) write(ctx, fit(ctx, this.label(panel.y), right - part.edge), part.edge, top - 6)
    if (panel.x.label && part.isLast) write(ctx, fit(ctx, this.label(panel.x), right - left), right, bottom + LINE * 2 - 2 + part.turn, 'right')
    const most = panel.x.scale === 'category' ? (right - left) / 16 : (right - left) / 75
    ctx.strokeStyle = theme.grid
    ctx.beginPath()
    for (const {value, text} of part.yTicks) {
      ctx.moveTo(left, y.at(value)); ctx.lineTo(right, y.at(value))
      write(ctx, fit(ctx, text, part.labels + 1), left - 6, y.at(value), 'right', 'middle')
    }
    for (const {value, text} of ticks(panel.x, ...part.xSpan, most)) {
      ctx.moveTo(x.at(value), top); ctx.lineTo(x.at(value), bottom)
      if (!part.isLast) continue
      ctx.save()
      ctx.translate(x.at(value), bottom + 5)
      if (part.turn) ctx.rotate(-0.65)
      write(ctx, fit(ctx, text, 130), 0, 0, part.turn ? 'right' : 'center', 'top')
      ctx.restore()
    }
    ctx.stroke()
    if (part.cells) this.colorBar(ctx, part, theme)
  }

  label(axis) {
    return `${axis.label}${axis.better ? ` (${axis.better === 'low' ? 'lower' : 'higher'} is better)` : ''}`
  }

  colorBar(ctx, {cells, box: {right, top, bottom}}, theme) {
    const y = scale({}, cells.ends, [bottom, top])
    const isLow = cells.better === 'low'
    for (let i = 0; i < 40; i++) {
      ctx.fillStyle = ramp(theme.ramp, (isLow ? 39 - i : i) / 39)
      ctx.fillRect(right + 8, bottom - (i + 1) * (bottom - top) / 40, 10, (bottom - top) / 40 + 0.5)
    }
    ctx.fillStyle = theme.muted
    for (const {value, text} of ticks({}, ...cells.ends, (bottom - top) / 45)) write(ctx, text, right + 22, y.at(value), 'left', 'middle')
    write(ctx, fit(ctx, cells.label ?? '', 90), right + 74, top - 6, 'right')
  }

  texts(ctx, {box, placed}, theme) {
    const taken = []
    ctx.fillStyle = theme.ink
    for (const {mark, px, py} of placed) {
      (mark.mark === 'points' && mark.texts || []).forEach((text, i) => {
        if (!text || Number.isNaN(px[i] + py[i])) return
        const width = ctx.measureText(text).width
        const isFree = ([x, y]) => x >= box.left && x + width <= box.right + 10 && y > box.top && y < box.bottom &&
          !taken.some(other => x < other[0] + other[2] && x + width > other[0] && Math.abs(y - other[1]) < 14)
        const around = [[8, 13], [8, 0], [-8 - width, 0], [-width / 2, -13], [-width / 2, 13]]
        const at = around.map(([dx, dy]) => [px[i] + dx, py[i] + dy]).find(isFree)
        if (!at) return
        taken.push([...at, width])
        Object.assign(ctx, {strokeStyle: theme.paper, lineWidth: 3, lineJoin: 'round', globalAlpha: 0.85})
        write(ctx, text, ...at, 'left', 'middle', 'strokeText')
        ctx.globalAlpha = 1
        write(ctx, text, ...at, 'left', 'middle')
      })
    }
  }

  draw() {
    const width = this.width = this.stage.clientWidth
    if (!width) return
    const ratio = window.devicePixelRatio || 1
    const theme = this.colors()
    for (const name of ['ink', 'muted', 'grid', 'paper']) this.root.style.setProperty(`--${name}`, theme[name])
    for (const [label, key] of this.keys) {
      key.firstChild.style.color = this.color(this.first(label), theme)
      key.setAttribute('aria-pressed', !this.hidden.has(label))
    }
    const [base] = this.canvases
    this.scene = this.layout(base.getContext('2d'), width, theme)
    this.stage.style.height = `${this.scene.height}px`
    for (const canvas of this.canvases) {
      Object.assign(canvas, {width: width * ratio, height: this.scene.height * ratio})
      Object.assign(canvas.style, {width: `${width}px`, height: `${this.scene.height}px`})
      canvas.getContext('2d').scale(ratio, ratio)
    }
    this.paint(base.getContext('2d'), this.scene)
    this.tell(null)
  }

  // ---- what is under the pointer

  tell(item) {
    const {now, canvases: [base, series, top]} = this
    if (item && now && item.placed === now.placed && item.index === now.index) return
    this.now = item
    const ctx = top.getContext('2d')
    ctx.clearRect(0, 0, this.width, this.scene.height)
    this.tip.hidden = !item
    clearTimeout(this.soon)
    const label = item?.placed.mark.label ?? ''
    if (label !== this.focused) this.soon = setTimeout(() => this.focus(label), 60)
    if (!item) { base.style.opacity = 1; return }
    const {part, placed, index} = item
    const {theme} = this.scene
    const [x, y] = this.middle(item)
    ctx.save()
    this.clip(ctx, part.box)
    if (placed.isPath) this.mark(ctx, placed, theme, 1.5)
    if (placed.isPath && !label) base.style.opacity = 0.45
    ctx.strokeStyle = theme.ink
    ctx.lineWidth = 2
    ctx.beginPath()
    if (placed.rects && placed.mark.mark !== 'bars') {
      const [left, upper, right, lower] = placed.rects[index]
      ctx.rect(left, upper, right - left, lower - upper)
    } else if (!placed.rects) dot(ctx, x, y, placed.isPath ? 4 : radius(placed.mark, index) + 2)
    ctx.stroke()
    ctx.restore()
    if (this.data.shares_x) this.crosshair(ctx, x, theme)
    this.tip.textContent = said(placed.mark, part.panel, index)
    const {offsetWidth: wide, offsetHeight: high} = this.tip
    this.tip.style.left = `${clamp(x + 14 + wide > this.width ? x - wide - 14 : x + 14, 0, Math.max(0, this.width - wide))}px`
    this.tip.style.top = `${clamp(y - high - 10, -40, this.scene.height - high)}px`
  }

  crosshair(ctx, x, theme) {
    ctx.strokeStyle = theme.muted
    ctx.lineWidth = 1
    ctx.beginPath()
    for (const {box} of this.scene.parts) if (x >= box.left && x <= box.right) { ctx.moveTo(x, box.top); ctx.lineTo(x, box.bottom) }
    ctx.stroke()
  }

  middle({part: {box}, placed, index}) {
    if (!placed.rects) return [placed.px[index], placed.py[index]]
    const [left, top, right, bottom] = placed.rects[index]
    return [placed.value ? placed.value[index] : clamp((left + right) / 2, box.left, box.right), (top + bottom) / 2]
  }

  focus(label) {
    const [base, series] = this.canvases
    this.focused = label
    const isSeen = label && this.labels.length > 1
    base.style.opacity = isSeen ? 0.25 : 1
    const ctx = series.getContext('2d')
    ctx.clearRect(0, 0, this.width, this.scene.height)
    if (!isSeen) return
    for (const part of this.scene.parts) {
      ctx.save()
      this.clip(ctx, part.box)
      for (const placed of part.placed) if (placed.mark.label === label) this.mark(ctx, placed, this.scene.theme)
      ctx.restore()
    }
  }

  find(x, y) {
    let best = null
    for (const part of this.scene.parts) {
      const {left, top, right, bottom} = part.box
      if (x < left - 6 || x > right + 6 || y < top - 6 || y > bottom + 6) continue
      for (const placed of part.placed) {
        const found = pick(placed, x, y)
        if (found && found.distance <= (best?.distance ?? REACH)) best = {part, placed, ...found}
      }
    }
    return best
  }

  where(event) {
    const {left, top} = this.stage.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }

  move(event) {
    const [x, y] = this.where(event)
    if (!this.drag) { this.tell(this.find(x, y)); return }
    const {part: {box}, from} = this.drag
    const isUp = this.drag.isUp = event.shiftKey
    const [a, b] = isUp ? [from[1], clamp(y, box.top, box.bottom)] : [from[0], clamp(x, box.left, box.right)]
    this.drag.span = Math.abs(a - b) > 5 ? [Math.min(a, b), Math.max(a, b)] : null
    const [low, size] = [Math.min(a, b), Math.abs(a - b)].map(v => `${v}px`)
    Object.assign(this.zoom.style, isUp ? {left: `${box.left}px`, width: `${box.right - box.left}px`, top: low, height: size} : {left: low, width: size, top: `${box.top}px`, height: `${box.bottom - box.top}px`})
  }

  partAt(x, y) {
    return this.scene.parts.find(({box}) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom)
  }

  press(event) {
    const [x, y] = this.where(event)
    const part = this.partAt(x, y)
    if (event.pointerType !== 'mouse') this.tell(this.find(x, y))
    if (!part || event.button) return
    this.stage.setPointerCapture(event.pointerId)
    this.drag = {part, from: [x, y], span: null}
  }

  release() {
    const {drag} = this
    this.drag = null
    this.zoom.style.width = 0
    if (!drag?.span) return
    const {part, isUp, span: [a, b]} = drag
    const [key, way] = isUp ? [part.yKey, part.y] : [part.xKey, part.x]
    this.views[key] = isUp ? [way.back(b), way.back(a)] : [way.back(a), way.back(b)]
    this.draw()
  }

  wheel(event) {
    const [x, y] = this.where(event)
    const part = this.partAt(x, y)
    if (!part || !(event.ctrlKey || document.activeElement === this.stage)) return // else the page scrolls
    event.preventDefault()
    this.magnify(part, event.shiftKey, event.shiftKey ? y : x, 1.002 ** clamp(event.deltaY || event.deltaX, -200, 200))
  }

  magnify(part, isUp, at, factor) {
    const {box} = part
    const [key, way, ends] = isUp ? [part.yKey, part.y, [box.bottom, box.top]] : [part.xKey, part.x, [box.left, box.right]]
    this.views[key] = ends.map(end => way.back(at + (end - at) * factor))
    this.draw()
  }

  key(event) {
    const {now, scene: {parts}} = this
    const steps = {ArrowRight: 1, ArrowLeft: -1, ArrowUp: -1, ArrowDown: 1}
    const part = now?.part ?? parts[0]
    if (event.key === '+' || event.key === '-') this.magnify(part, false, (part.box.left + part.box.right) / 2, event.key === '+' ? 0.8 : 1.25)
    else if (event.key === '0') this.reset()
    else if (event.key === 'Escape') this.tell(null)
    else if (event.key in steps) this.walk(steps[event.key], event.key === 'ArrowUp' || event.key === 'ArrowDown')
    else return
    event.preventDefault()
  }

  /** Go to the next item along x, or to the next mark. */
  walk(step, isMark) {
    const all = this.scene.parts.flatMap(part => part.placed.filter(({px, rects}) => (px ?? rects)?.length).map(placed => ({part, placed})))
    if (!all.length) return
    let at = all.findIndex(({placed}) => placed === this.now?.placed)
    const isNew = at < 0
    at = isNew ? 0 : isMark ? (at + step + all.length) % all.length : at
    const {part, placed} = all[at]
    const order = [...(placed.px ?? placed.rects).keys()].map(index => ({part, placed, index, at: this.middle({part, placed, index})})).filter(item => !Number.isNaN(item.at[0] + item.at[1]))
      .sort((a, b) => placed.value ? a.at[1] - b.at[1] : a.at[0] - b.at[0])
    const k = isNew || isMark ? 0 : order.findIndex(item => item.index === this.now.index) + step
    this.tell(order[clamp(k, 0, order.length - 1)] ?? null)
    this.live.textContent = this.tip.textContent
  }

  // ---- what can be asked for

  toggle(label) {
    if (!this.hidden.delete(label)) this.hidden.add(label)
    this.draw()
  }

  only(label) {
    const others = this.labels.filter(other => other !== label)
    const isOnly = others.every(other => this.hidden.has(other))
    this.hidden = new Set(isOnly ? [] : others)
    this.draw()
  }

  reset() {
    this.views = {}
    this.draw()
  }

  /** Draw all of it, with title, legend and caption, into a context made for its size. */
  export(make) {
    const {data, width, scene: {theme, height}} = this
    const ctx = this.canvases[0].getContext('2d')
    ctx.font = FONT
    const title = wrap(ctx, data.title ?? '', (width - 20) * 0.85), caption = wrap(ctx, data.caption ?? '', width - 20)
    const keys = this.keys.filter(([label]) => !this.hidden.has(label))
    const above = 8 + (title.length + (keys.length ? 1 : 0)) * LINE
    const out = make(width, above + height + caption.length * LINE + 8)
    out.fillStyle = theme.paper
    out.fillRect(0, 0, width, above + height + caption.length * LINE + 8)
    out.fillStyle = theme.ink
    out.font = `600 ${FONT}`
    title.forEach((line, i) => write(out, line, 10, LINE * (i + 1)))
    out.font = FONT
    let x = 10
    for (const [label] of keys) {
      out.fillStyle = this.color(this.first(label), theme)
      out.fillRect(x, above - 14, 10, 10)
      out.fillStyle = theme.ink
      write(out, label, x + 15, above - 5)
      x += ctx.measureText(label).width + 30
    }
    caption.forEach((line, i) => write(out, line, 10, above + height + LINE * (i + 0.6)))
    out.save()
    out.translate(0, above)
    this.paint(out, this.scene)
    out.restore()
    return out
  }

  toSVG() {
    const ctx = this.canvases[0].getContext('2d')
    return String(this.export((width, height) => new SvgContext(width, height, text => ctx.measureText(text))))
  }

  toPNG() {
    const canvas = document.createElement('canvas')
    this.export((width, height) => {
      Object.assign(canvas, {width: width * 2, height: height * 2})
      const ctx = canvas.getContext('2d')
      ctx.scale(2, 2)
      return ctx
    })
    return canvas.toDataURL('image/png')
  }

  save(kind) {
    const link = document.createElement('a')
    link.download = `${this.data.kind}.${kind}`
    link.href = kind === 'png' ? this.toPNG() : URL.createObjectURL(new Blob([this.toSVG()], {type: 'image/svg+xml'}))
    link.click()
  }
}

export const figure = (element, data, options) => new Chart(element, data, options)
