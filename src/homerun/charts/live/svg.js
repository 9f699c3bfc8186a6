// A drawing context like a canvas's that writes SVG; it can do what figure.js needs.

const xml = text => String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, '')
const round = v => Number(v.toFixed(2))

export class SvgContext {
  constructor(width, height, measure) {
    Object.assign(this, {width, height, measureText: measure, parts: [], clips: 0, stack: [], path: ''})
    this.state = {fillStyle: '#000', strokeStyle: '#000', lineWidth: 1, globalAlpha: 1, font: '12px', textAlign: 'left', textBaseline: 'alphabetic', dash: [], turn: '', clipped: ''}
    for (const name of Object.keys(this.state)) Object.defineProperty(this, name, {get: () => this.state[name], set: value => { this.state[name] = value }})
  }
  save() { this.stack.push({...this.state}) }
  restore() { this.state = this.stack.pop() }
  beginPath() { this.path = '' }
  moveTo(x, y) { this.path += `M${round(x)} ${round(y)}` }
  lineTo(x, y) { this.path += `L${round(x)} ${round(y)}` }
  arc(x, y, r) { this.path += `M${round(x + r)} ${round(y)}a${round(r)} ${round(r)} 0 1 0 ${round(-2 * r)} 0a${round(r)} ${round(r)} 0 1 0 ${round(2 * r)} 0` }
  rect(x, y, w, h) { this.path += `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}z` }
  setLineDash(dash) { this.dash = dash }
  translate(x, y) { this.turn += `translate(${round(x)} ${round(y)})` }
  rotate(angle) { this.turn += `rotate(${round(angle * 180 / Math.PI)})` }
  clip() {
    this.parts.push(`<clipPath id="c${++this.clips}"><path d="${this.path}"/></clipPath>`)
    this.clipped = ` clip-path="url(#c${this.clips})"`
  }
  fill() { this.add(`<path d="${this.path}" fill="${this.fillStyle}"`) }
  stroke() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(' ')}"` : ''
    this.add(`<path d="${this.path}" fill="none" stroke="${this.strokeStyle}" stroke-width="${round(this.lineWidth)}"${dash}`)
  }
  fillRect(x, y, w, h) { this.add(`<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(Math.max(h, 0))}" fill="${this.fillStyle}"`) }
  strokeText(text, x, y) { this.fillText(text, x, y, `none" stroke="${this.strokeStyle}" stroke-width="${this.lineWidth}`) }
  fillText(text, x, y, fill = this.fillStyle) {
    const anchor = {left: 'start', center: 'middle', right: 'end'}[this.textAlign]
    const down = {top: 11, middle: 4, bottom: -3, alphabetic: 0}[this.textBaseline]
    const weight = this.font.startsWith('600') ? ' font-weight="600"' : ''
    this.add(`<text x="${round(x)}" y="${round(y + down)}" fill="${fill}" font-size="${/(\d+)px/.exec(this.font)[1]}"${weight} text-anchor="${anchor}"`, `>${xml(text)}</text>`)
  }
  add(start, end = '/>') {
    const alpha = this.globalAlpha < 1 ? ` opacity="${this.globalAlpha}"` : ''
    this.parts.push(`${start}${alpha}${this.turn && ` transform="${this.turn}"`}${this.clipped}${end}`)
  }
  toString() {
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}" font-family="system-ui, sans-serif">\n${this.parts.join('\n')}\n</svg>\n`
  }
}
