// The parts of the figure module that need no page, under Node's own runner: node --test tests/js

import assert from 'node:assert/strict'
import {readFileSync} from 'node:fs'
import {test} from 'node:test'

const room = new URL('../../src/homerun/charts/live/', import.meta.url)
const text = ['numbers.js', 'svg.js', 'marks.js', 'figure.js'].map(name => readFileSync(new URL(name, room), 'utf8')).join('')
const joined = text.replace(/^import .*\n/gm, '')
const {SvgContext, fit, pick, plain, ramp, scale, show, smooth, ticks, wrap} =
  await import(`data:text/javascript;base64,${Buffer.from(joined).toString('base64')}`)

const texts = (axis, low, high, most) => ticks(axis, low, high, most).map(tick => tick.text)
const wide = {measureText: words => ({width: words.length * 6})}

test('a scale goes there and back, by factors where it is logarithmic', () => {
  for (const axis of [{}, {scale: 'log'}]) {
    const x = scale(axis, [0.01, 100], [50, 450])
    for (const v of [0.01, 0.3, 1, 100]) assert.ok(Math.abs(x.back(x.at(v)) / v - 1) < 1e-9)
    assert.equal(x.at(0.01), 50)
    assert.equal(Math.round(x.at(100)), 450)
  }
  assert.equal(scale({scale: 'log'}, [0.01, 100], [0, 4]).at(1), 2)
})

test('what has no place on an axis is not a number', () => {
  assert.ok(Number.isNaN(scale({}, [0, 1], [0, 100]).at(null)))
  assert.ok(Number.isNaN(scale({scale: 'log'}, [1, 10], [0, 100]).at(0)))
  assert.ok(Number.isFinite(scale({}, [3, 3], [0, 100]).at(3)))
})

test('ticks are round, in the unit of the axis', () => {
  assert.deepEqual(texts({}, 0, 1, 5), ['0', '0.2', '0.4', '0.6', '0.8', '1'])
  assert.deepEqual(texts({unit: 'share'}, 0, 0.3, 3), ['0 %', '10 %', '20 %', '30 %'])
  assert.deepEqual(texts({unit: 'seconds'}, 0, 600, 4), ['0', '5 min', '10 min'])
  assert.deepEqual(texts({unit: 'seconds'}, 0, 4 * 86400, 4), ['0', '1 d', '2 d', '3 d', '4 d'])
  assert.deepEqual(texts({unit: 'bytes'}, 0, 3 * 2 ** 30, 3), ['0', '1 GiB', '2 GiB', '3 GiB'])
  assert.deepEqual(texts({scale: 'log'}, 1e-4, 1, 5), ['0.0001', '0.001', '0.01', '0.1', '1'])
  assert.deepEqual(texts({scale: 'log', unit: 'seconds'}, 5, 7200, 6), ['10 s', '1 min', '10 min', '1 h'])
  assert.deepEqual(texts({scale: 'category', categories: ['a', 'b', 'c']}, -0.5, 2.5, 9), ['a', 'b', 'c'])
  assert.deepEqual(texts({scale: 'category', categories: ['a', 'b', 'c']}, 0.6, 2.5, 9), ['b', 'c'])
})

test('numbers are short', () => {
  assert.deepEqual([0, 0.1 + 0.2, 12345.6, 2e6, 1e-5, -3].map(v => plain(v)), ['0', '0.3', '12,346', '2e6', '1e-5', '-3'])
  assert.deepEqual([null, NaN].map(v => show(v, '')), ['none', 'none'])
  assert.equal(show(5400, 'seconds'), '1.5 h')
})

test('smoothing has no bias to 0, and leaves gaps alone', () => {
  assert.deepEqual(smooth([1, 2], 0), [1, 2])
  assert.deepEqual(smooth([3, 3, 3], 0.9).map(v => v.toFixed(9)), Array(3).fill('3.000000000'))
  const [a, gap, b] = smooth([1, null, 2], 0.5)
  assert.equal(a, 1)
  assert.equal(gap, null)
  assert.ok(Math.abs(b - 5 / 3) < 1e-12)
})

test('the nearest is picked: a point, a line between its points, a box around the pointer', () => {
  const dots = {px: [10, 50, NaN], py: [10, 50, NaN]}
  assert.equal(pick(dots, 48, 52).index, 1)
  assert.equal(pick(dots, 200, 200), null)
  const path = {px: [0, 100, NaN, 200], py: [0, 0, NaN, 0], isPath: true}
  assert.deepEqual(pick(path, 60, 5), {index: 1, distance: 5})
  assert.equal(pick(path, 150, 0), null) // the gap is no line
  const rects = {rects: [[0, 0, 10, 10], [5, 5, 20, 20]]}
  assert.equal(pick(rects, 7, 7).index, 1) // the one on top
  assert.equal(pick(rects, 2, 2).index, 0)
  assert.equal(pick({}, 0, 0), null) // a mark that says nothing
})

test('a ramp goes through its colours', () => {
  const colors = ['#000000', '#ff0000', '#ffffff']
  assert.deepEqual([-1, 0, 0.25, 0.5, 1, 2].map(t => ramp(colors, t)), ['#000000', '#000000', '#800000', '#ff0000', '#ffffff', '#ffffff'])
})

test('texts fit their room', () => {
  assert.equal(fit(wide, 'short', 100), 'short')
  assert.equal(fit(wide, 'much too long a name', 60), 'much too …')
  assert.deepEqual(wrap(wide, 'one two three', 45), ['one two', 'three'])
  assert.deepEqual(wrap(wide, '', 45), [])
})

test('SVG holds what was drawn, and text stays text', () => {
  const ctx = new SvgContext(100, 50, wide.measureText)
  ctx.fillStyle = '#ff0000'
  ctx.save()
  ctx.beginPath()
  ctx.rect(0, 0, 50, 50)
  ctx.clip()
  ctx.globalAlpha = 0.5
  ctx.fillRect(1, 2, 3, 4)
  ctx.restore()
  ctx.translate(10, 20)
  ctx.rotate(-Math.PI / 2)
  ctx.fillText('<script>&"\u0000', 0, 0)
  const svg = String(ctx)
  assert.match(svg, /<rect x="1" y="2" width="3" height="4" fill="#ff0000" opacity="0.5" clip-path="url\(#c1\)"\/>/)
  assert.match(svg, /transform="translate\(10 20\)rotate\(-90\)"/)
  assert.ok(svg.includes('&#60;script&#62;&#38;&#34;<'))
  assert.ok(!svg.includes('\u0000'))
})
