/** The help of a command, as wide as a terminal at least is. */
import { lineage, pathOf, type Command, type Option } from './command-line.ts'

const WIDTH = 80
const MARGIN = 2
const HELP: Row = ['-h, --help', 'shows this']

type Row = readonly [name: string, description: string]

/** Words in lines of at most so many characters. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Names on the left, what they are on the right. */
function tableOf(rows: readonly Row[], names: number): string[] {
  const indent = MARGIN + names + MARGIN
  return rows.flatMap(([name, description]) =>
    wrapped(description, WIDTH - indent).map(
      (line, n) => `${' '.repeat(MARGIN)}${(n === 0 ? name : '').padEnd(names)}${' '.repeat(MARGIN)}${line}`,
    ),
  )
}

function rowOf({ flags, description, fallback }: Option): Row {
  return [flags, fallback === undefined ? description : `${description} (default: ${String(fallback)})`]
}

function signatureOf({ name, options, commands, takes }: Command): string {
  const below = commands.length > 0 ? ' [command]' : ''
  return `${name}${options.length > 0 ? ' [options]' : ''}${takes === null ? '' : ` ${takes.placeholder}`}${below}`
}

/** With the headings in the order in which they first come. */
function sectionsOf(command: Command): [heading: string, rows: Row[]][] {
  const { takes, options, commands } = command
  const above = lineage(command).slice(0, -1)
  const sections = new Map<string, Row[]>()
  const add = (heading: string, ...rows: readonly Row[]) =>
    sections.set(heading, [...(sections.get(heading) ?? []), ...rows])
  if (takes !== null) add('Arguments:', [takes.placeholder, takes.description])
  const { version } = lineage(command)[0]!.said
  const ofProgram: Row[] = version === null ? [] : [['-V, --version', 'shows the version']]
  add('Options:', ...options.map(rowOf), ...(above.length === 0 ? ofProgram : []), HELP)
  if (above.length > 0) add('Global options:', ...above.flatMap(each => each.options.map(rowOf)), ...ofProgram)
  for (const child of commands) add(child.said.group, [signatureOf(child), child.said.description])
  return [...sections]
}

/** All that `--help` says of a command. */
export function usageOf(command: Command): string {
  const { said, commands, options, takes } = command
  const sections = sectionsOf(command)
  const names = Math.max(...sections.flatMap(([, rows]) => rows.map(([name]) => name.length)))
  const signature = signatureOf({ ...command, name: pathOf(command), commands, options, takes })
  return [
    `Usage: ${signature.includes('[options]') ? signature : `${signature} [options]`}`,
    '',
    ...wrapped(said.description, WIDTH),
    ...sections.flatMap(([heading, rows]) => ['', heading, ...tableOf(rows, names)]),
    ...lineage(command).flatMap(each => each.said.notes.flatMap(note => ['', ...wrapped(note, WIDTH)])),
  ].join('\n')
}
