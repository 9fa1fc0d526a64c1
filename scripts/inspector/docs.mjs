/**
 * The documents that the inspector links to, as pages of their own: docs/operations.md and whatever is reached from it. They
 * need no script and no token. A link to what is not served (source, configuration) stays as text.
 */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join, normalize, posix } from 'node:path'
import { Marked, Renderer } from 'marked'

const START = 'docs/operations.md'
const ROOMS = ['docs/', 'visualizations/', 'README.md']

/** `docs/decisions/0014-voids.md` is served at `/docs/decisions/0014-voids`, the README at `/docs/readme`. */
const pathOf = file =>
  `/docs/${file
    .replace(/^docs\//, '')
    .replace(/README\.md$/, 'readme')
    .replace(/\.md$/, '')}`

/** As GitHub names them, so that one link works in both places. */
const slugOf = text =>
  text
    .toLowerCase()
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const escape = text =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

function page({ title, body, styles, icon }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} · Lockkeeper</title>
<link rel="icon" href="${icon}" type="image/svg+xml">
<link rel="stylesheet" href="${styles}">
</head>
<body class="document">
<header class="bar"><a class="brand" href="/"><img src="${icon}" alt="" width="22" height="22">Lockkeeper</a><nav aria-label="Documents"><a href="/docs/operations">Running it</a><a href="/docs/integration">Integration</a><a href="/docs/architecture">Architecture</a><a href="/docs/machines">Machines</a></nav></header>
<main class="prose">
${body}
</main>
</body>
</html>
`
}

/** A link as it stands in `file`, to a repository path; null for what leads elsewhere. */
function resolve(file, href) {
  if (/^[a-z]+:/i.test(href) || href.startsWith('#')) return null
  const [path, anchor] = href.split('#')
  const target = normalize(posix.join(dirname(file), path))
  return { target, anchor: anchor === undefined ? '' : `#${anchor}` }
}

const isServed = (root, target) =>
  ROOMS.some(room => target.startsWith(room)) &&
  ['.md', '.svg'].includes(extname(target)) &&
  existsSync(join(root, target))

function rendererOf(root, file, found) {
  const renderer = new Renderer()
  const ids = new Map()
  renderer.heading = function ({ tokens, depth }) {
    const html = this.parser.parseInline(tokens)
    const slug = slugOf(tokens.map(token => token.text ?? token.raw).join(''))
    const count = ids.get(slug) ?? 0
    ids.set(slug, count + 1)
    const id = count === 0 ? slug : `${slug}-${count}`
    return `<h${depth} id="${id}">${html}<a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${depth}>\n`
  }
  renderer.link = function ({ href, tokens }) {
    const html = this.parser.parseInline(tokens)
    const link = resolve(file, href)
    if (link === null) return `<a href="${escape(href)}"${href.startsWith('#') ? '' : ' rel="noreferrer"'}>${html}</a>`
    if (!isServed(root, link.target)) return html
    found.add(link.target)
    return `<a href="${pathOf(link.target)}${link.anchor}">${html}</a>`
  }
  renderer.image = ({ href, text }) => {
    const link = resolve(file, href)
    if (link === null || !isServed(root, link.target)) return escape(text)
    found.add(link.target)
    return `<img src="${pathOf(link.target)}" alt="${escape(text)}">`
  }
  const { table, code } = renderer
  let tables = 0
  renderer.table = function (token) {
    const label = `Table ${(tables += 1)}`
    return `<div class="scroll" role="region" tabindex="0" aria-label="${label}">${table.call(this, token)}</div>`
  }
  // Wider than a small screen, it is scrolled, which the keyboard must be able to.
  renderer.code = function (token) {
    return code.call(this, token).replace('<pre>', '<pre tabindex="0">')
  }
  return renderer
}

/** `{path, contentType, text}` of every document that is reached from the first. */
export function renderDocs(root, assets) {
  const wanted = [START, 'docs/integration.md', 'docs/architecture.md', 'docs/machines.md']
  const seen = new Set(wanted)
  const rendered = []
  for (const file of wanted) {
    const text = readFileSync(join(root, file), 'utf8')
    const found = new Set()
    if (extname(file) === '.svg') rendered.push({ path: pathOf(file), contentType: 'image/svg+xml', text })
    else {
      const body = new Marked({ renderer: rendererOf(root, file, found) }).parse(text)
      const title = /^# (.*)$/m.exec(text)?.[1] ?? basename(file)
      rendered.push({
        path: pathOf(file),
        contentType: 'text/html; charset=utf-8',
        text: page({ title, body, ...assets }),
      })
    }
    for (const target of found)
      if (!seen.has(target)) {
        seen.add(target)
        wanted.push(target)
      }
  }
  return rendered
}
