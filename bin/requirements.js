/**
 * What must be there before anything begins, said in one line where it is not. `node bin/requirements.js` asks for
 * what tests and compiling need, too. Read by whatever Node there is: nothing newer than ES2018 in here.
 */
import { existsSync, readFileSync } from 'fs'
import { join } from 'path'
import { fileURLToPath } from 'url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = path => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))

/** Only a checkout has it: npm never publishes the file. */
const LOCK = 'package-lock.json'

const numbersOf = version => version.match(/\d+/g).map(Number)

function isOlder(version, than) {
  const [given, least] = [numbersOf(version), numbersOf(than)]
  const place = [0, 1, 2].find(index => given[index] !== least[index])
  return place !== undefined && given[place] < least[place]
}

function lackOfNode() {
  const least = read('package.json').engines.node.replace('>=', '')
  const version = process.versions.node
  return isOlder(version, least) ? `Node ${least} or later is needed, and this is Node ${version}` : null
}

/** As it lies there: npm's own note of what it has installed is not written by everything that installs. */
function versionOf(path) {
  try {
    return read(join(path, 'package.json')).version
  } catch (error) {
    return null
  }
}

/** After a pull the lock file may ask for other packages than those installed. */
function lackOfPackages(withDevelopment) {
  if (!existsSync(join(ROOT, LOCK))) return null
  if (!existsSync(join(ROOT, 'node_modules'))) return 'its packages are not installed: run npm ci'
  for (const [path, { version, dev, devOptional, optional }] of Object.entries(read(LOCK).packages)) {
    if (path === '' || optional || ((dev || devOptional) && !withDevelopment)) continue
    const found = versionOf(path)
    if (found === version) continue
    const name = path.replace(/^.*node_modules\//, '')
    return `${name} is ${found || 'not installed'}, ${LOCK} wants ${version}: run npm ci`
  }
  return null
}

/** What is missing, and what to do about it; or null. */
export const lack = ({ withDevelopment }) => lackOfNode() || lackOfPackages(withDevelopment)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = lack({ withDevelopment: true })
  if (missing !== null) {
    console.error(`lockkeeper: ${missing}`)
    process.exit(1)
  }
}
