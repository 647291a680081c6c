/** The colours of the pictures for a light and for a dark page. Their own background is transparent. */
export const THEMES = {
  light: {
    text: '#1f2328',
    faint: '#59636e',
    line: '#d1d9e0',
    work: '#0969da',
    bad: '#b3231b',
    pale: '#f3d9d6',
    idle: '#eaeef2',
    good: '#17713f',
    coin: '#d4a000',
  },
  dark: {
    text: '#f0f6fc',
    faint: '#9198a1',
    line: '#3d444d',
    work: '#4493f8',
    bad: '#ff8b80',
    pale: '#4a2523',
    idle: '#21262d',
    good: '#63cb92',
    coin: '#f0bf45',
  },
};
export type Theme = (typeof THEMES)['light'];

/** The width of a picture's viewBox. On a phone it is shown 358 px wide, so that 18 are 10 px there. */
export const WIDTH = 640;

interface Picture {
  height: number;
  /** What the picture says, in words. */
  title: string;
  style: string;
  body: string[];
}

/** An SVG without a script and without a font of its own. */
export function svg({ height, title, style, body }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif">`,
    `<title>${title}</title>`,
    `<style>\n${style}\n</style>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

/** What a picture was drawn from: the JSON in its metadata. */
export function metadataOf<Recorded>(picture: string): Recorded {
  const [, json = ''] = /<metadata>(.*)<\/metadata>/.exec(picture) ?? [];
  return JSON.parse(json);
}

/** The same picture for a light and for a dark page, by its path in the repository. */
export function inBothThemes(name: string, draw: (theme: Theme) => string): [string, string][] {
  return [
    [`docs/${name}.svg`, draw(THEMES.light)],
    [`docs/${name}-dark.svg`, draw(THEMES.dark)],
  ];
}
