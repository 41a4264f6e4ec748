// Builds ../assets from this folder: one style sheet, one script, the fonts
// with their licence and the mark. With --check it builds into memory and
// fails when a committed file differs, is missing or is left over.
import { readFile, writeFile, readdir, mkdir } from "node:fs/promises"
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import path from "node:path"
import * as sass from "sass"
import * as esbuild from "esbuild"

const here = path.dirname(fileURLToPath(import.meta.url))
const out = path.join(here, "..", "assets")
const from = (...p) => readFile(path.join(here, ...p))
const next = "node_modules/@fontsource-variable/atkinson-hyperlegible-next"
const mono = "node_modules/@fontsource/atkinson-hyperlegible-mono"

async function build() {
  const files = new Map()
  files.set("atkinson-next-latin.woff2", await from(next, "files/atkinson-hyperlegible-next-latin-wght-normal.woff2"))
  files.set("atkinson-next-latin-ext.woff2", await from(next, "files/atkinson-hyperlegible-next-latin-ext-wght-normal.woff2"))
  files.set("atkinson-mono-latin.woff2", await from(mono, "files/atkinson-hyperlegible-mono-latin-400-normal.woff2"))
  files.set("atkinson-OFL.txt", await from(next, "LICENSE"))
  for (const plain of ["lapwing-mark.svg", "lapwing-bird.svg", "third-party.txt"]) files.set(plain, await from("src", plain))

  const css = sass.compile(path.join(here, "scss/console.scss"), {
    loadPaths: [here], style: "compressed", quietDeps: true, charset: false,
  })
  files.set("console.css", Buffer.from(hashed(css.css, files)))

  const js = await esbuild.build({
    entryPoints: [path.join(here, "src/console.js")], absWorkingDir: here, bundle: true, minify: true,
    format: "iife", target: "es2020", write: false, legalComments: "none", charset: "utf8",
  })
  files.set("console.js", Buffer.from(js.outputFiles[0].contents))
  return files
}

// hashed writes the served, content-hashed name of each font into the style
// sheet; collector/console/assets.go hashes in the same way (12 hex digits of SHA-256).
function hashed(css, files) {
  return css.replace(/url\(["']?([\w.-]+)["']?\)/g, (all, name) => {
    const body = files.get(name)
    if (!body) throw new Error(`the style sheet asks for ${name}, which is not built`)
    const sum = createHash("sha256").update(body).digest("hex").slice(0, 12)
    return `url(/assets/${name.replace(/(\.\w+)$/, `.${sum}$1`)})`
  })
}

const files = await build()
const css = files.get("console.css").toString()
for (const banned of [/GDS Transport/i, /crown/i, /data:/i]) {
  if (banned.test(css)) throw new Error(`console.css contains ${banned}`)
}
if (process.argv.includes("--check")) {
  const there = new Set(await readdir(out))
  const wrong = []
  for (const [name, body] of files) {
    if (!there.delete(name) || !body.equals(await readFile(path.join(out, name)))) wrong.push(name)
  }
  wrong.push(...there)
  if (wrong.length) {
    console.error(`collector/console/assets is not what assets-src builds: ${wrong.join(", ")}. Run: npm ci && npm run build`)
    process.exit(1)
  }
  console.log(`${files.size} assets are as built`)
} else {
  await mkdir(out, { recursive: true })
  for (const [name, body] of files) {
    await writeFile(path.join(out, name), body)
    console.log(String(body.length).padStart(8), name)
  }
}
