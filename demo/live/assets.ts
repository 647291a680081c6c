import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { readCodeCards } from './code-cards.ts';

const PAGE = new URL('page/', import.meta.url);
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
};

const asset = (url: string | URL, extension: string) => ({
  type: `${TYPES[extension]}; charset=utf-8`,
  body: readFileSync(new URL(url)),
});

/** Reads the files of `page/`, the library that they import and the code cards; the keys are URL paths. */
export function readAssets() {
  const assets = new Map([['/lit-html.js', asset(import.meta.resolve('lit-html'), '.js')]]);
  const cards = Buffer.from(JSON.stringify(readCodeCards()));
  assets.set('/code-cards.json', { type: 'application/json', body: cards });
  for (const name of readdirSync(PAGE)) {
    const path = name === 'index.html' ? '/' : `/${name}`;
    assets.set(path, asset(new URL(name, PAGE), extname(name)));
  }
  return assets;
}
