/**
 * Commands with options, read from the arguments of the process. No package reads them: whatever the signer's machine runs is to be
 * read by its owner, and this is all of it that Lockkeeper needs.
 */
import { boundary, reasonOf } from '../kernel/fault.ts'

/** What an option's text means. Throws for what it cannot be, saying why. */
type Parse = (text: string) => unknown

/** One `--name <value>`, or one `--name` that is there or not. */
export interface Option {
  /** As it is typed: `--config <file>`. */
  flags: string
  description: string
  isRequired: boolean
  /** Unless it is given; undefined: then it is absent. */
  fallback: string | number | undefined
  parse: Parse
  /** Another one, with which it makes no sense. */
  conflict: string | undefined
}

type Options = Record<string, unknown>
/** With the options of all commands on the way, and the argument where the command takes one. */
type Action = (options: Options, argument: string) => unknown

/** A command as it is declared: what it is called, what it takes, and what it does; or the commands below it. */
export interface Command {
  readonly name: string
  readonly parent: Command | null
  readonly commands: readonly Command[]
  readonly options: readonly Option[]
  /** What the help says. */
  readonly said: { description: string; group: string; notes: readonly string[]; version: string | null }
  /** Like `<id>`; null where it takes none. */
  readonly takes: { placeholder: string; description: string } | null
  readonly run: Action | null
  command(name: string): Command
  description(text: string): Command
  /** Under which heading the help lists it. */
  helpGroup(heading: string): Command
  /** Stands at the end of its help, and of the help of the commands below it. */
  note(text: string): Command
  version(text: string): Command
  option(
    flags: string,
    description: string,
    more?: { parse?: Parse; fallback?: string | number; conflict?: string },
  ): Command
  requiredOption(flags: string, description: string, parse?: Parse): Command
  argument(placeholder: string, description: string): Command
  /** `Given`: the options by their names in camel case, which the caller answers for. */
  action<Given>(run: (options: Given, argument: string) => unknown): Command
}

/** `--transaction-id <id>` is `transactionId`. */
const keyOf = (flags: string): string =>
  nameOf(flags)
    .slice(2)
    .replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

const nameOf = (flags: string): string => flags.split(' ')[0]!
const isSwitch = (flags: string): boolean => !flags.includes(' ')

const asTyped: Parse = text => text

/** A command with nothing below it yet. */
export function createCommand(name: string, parent: Command | null = null): Command {
  const [commands, options, notes]: [Command[], Option[], string[]] = [[], [], []]
  const said = { description: '', group: 'Commands:', notes, version: null as string | null }
  let takes: Command['takes'] = null
  let run: Action | null = null
  const made: Command = {
    ...{ name, parent, commands, options, said },
    get takes() {
      return takes
    },
    get run() {
      return run
    },
    command(child) {
      commands.push(createCommand(child, made))
      return commands.at(-1)!
    },
    description: text => declare(() => (said.description = text)),
    helpGroup: heading => declare(() => (said.group = heading)),
    note: text => declare(() => notes.push(text)),
    version: text => declare(() => (said.version = text)),
    option: (flags, description, { parse = asTyped, fallback, conflict } = {}) =>
      declare(() => options.push({ flags, description, isRequired: false, fallback, parse, conflict })),
    requiredOption: (flags, description, parse = asTyped) =>
      declare(() =>
        options.push({ flags, description, isRequired: true, fallback: undefined, parse, conflict: undefined }),
      ),
    argument: (placeholder, description) => declare(() => (takes = { placeholder, description })),
    action: given => declare(() => (run = given as Action)),
  }
  const declare = (change: () => unknown): Command => {
    change()
    return made
  }
  return made
}

/** From the program down to the command itself. */
export const lineage = (command: Command): readonly Command[] =>
  command.parent === null ? [command] : [...lineage(command.parent), command]

const optionsOf = (command: Command): readonly Option[] => lineage(command).flatMap(({ options }) => options)

const wrong = (reason: string) => boundary('invalid-argument', reason)

/** What is to be done: a command with all that it takes, or help or the version, which are only shown. */
export type Asked =
  | { kind: 'run'; run: Action; options: Options; argument: string }
  | { kind: 'help'; command: Command; isWanted: boolean }
  | { kind: 'version'; text: string }

interface Reading {
  command: Command
  given: Map<Option, string>
  argument: string | null
  wants: 'help' | 'version' | null
}

/** Throws boundary `invalid-argument`, which names what is wrong. */
export function readArguments(program: Command, args: readonly string[]): Asked {
  const reading: Reading = { command: program, given: new Map(), argument: null, wants: null }
  const waiting = [...args]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
    if (next.startsWith('-') && next !== '-') takeOption(reading, next, waiting)
    else takeWord(reading, next)
  const { command, given, argument, wants } = reading
  if (wants === 'version' && program.said.version !== null) return { kind: 'version', text: program.said.version }
  if (wants === 'help' || command.run === null) return { kind: 'help', command, isWanted: wants === 'help' }
  if (command.takes !== null && argument === null) throw wrong(`${command.takes.placeholder} is missing`)
  return { kind: 'run', run: command.run, options: valuesOf(command, given), argument: argument ?? '' }
}

function takeOption(reading: Reading, typed: string, waiting: string[]): void {
  if (typed === '--help' || typed === '-h') reading.wants = 'help'
  else if (typed === '--version' || typed === '-V') reading.wants ??= 'version'
  else {
    const [name, text] = splitAt(typed)
    const option = optionsOf(reading.command).find(({ flags }) => nameOf(flags) === name)
    if (option === undefined) throw wrong(`unknown option '${name}'`)
    if (reading.given.has(option)) throw wrong(`option '${option.flags}' stands twice`)
    reading.given.set(option, textOf(option, text, waiting))
  }
}

/** `--name=value` is `--name value`. */
function splitAt(typed: string): [string, string | null] {
  const at = typed.indexOf('=')
  return at < 0 ? [typed, null] : [typed.slice(0, at), typed.slice(at + 1)]
}

function textOf({ flags }: Option, text: string | null, waiting: string[]): string {
  if (isSwitch(flags)) {
    if (text !== null) throw wrong(`option '${flags}' takes no value`)
    return ''
  }
  const value = text ?? waiting.shift()
  if (value === undefined || (text === null && value.startsWith('--'))) throw wrong(`option '${flags}' lacks its value`)
  return value
}

/** The name of a command below this one, or its argument. */
function takeWord(reading: Reading, word: string): void {
  const { command } = reading
  if (word === 'help' && command.commands.length > 0) {
    reading.wants = 'help'
    return
  }
  const below = command.commands.find(({ name }) => name === word)
  if (below !== undefined) reading.command = below
  else if (command.takes !== null && reading.argument === null) reading.argument = word
  else if (command.run === null) throw wrong(`unknown command '${word}': ${pathOf(program(command))} --help lists them`)
  else throw wrong(`'${word}' is too much for ${pathOf(command)}`)
}

const program = (command: Command): Command => lineage(command)[0]!
/** `lockkeeper signer prove`. */
export const pathOf = (command: Command): string =>
  lineage(command)
    .map(({ name }) => name)
    .join(' ')

function valuesOf(command: Command, given: ReadonlyMap<Option, string>): Options {
  const values: Options = {}
  for (const option of optionsOf(command)) {
    const { flags, isRequired, fallback, conflict } = option
    const text = given.get(option)
    if (text === undefined && isRequired) throw wrong(`option '${flags}' is missing`)
    if (text === undefined && fallback !== undefined) values[keyOf(flags)] = fallback
    if (text === undefined) continue
    if ([...given.keys()].some(other => nameOf(other.flags) === conflict))
      throw wrong(`${nameOf(flags)} and ${conflict} do not go together`)
    values[keyOf(flags)] = isSwitch(flags) ? true : parsed(option, text)
  }
  return values
}

function parsed({ flags, parse }: Option, text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw wrong(`option '${flags}': '${text}': ${reasonOf(error)}`)
  }
}
