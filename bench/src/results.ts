import { median } from 'simple-statistics';
import { type Contender, type Figure, NAMES, OURS } from './contenders.ts';

type Figures = Partial<Record<Figure, number>>;

/** The rounds of all contenders. A single failed request fails its contender, whose figures are then not shown. */
export class Results {
  readonly failures = new Map<Contender, string>();
  readonly #rounds = new Map<Contender, Figures[]>(NAMES.map((name) => [name, []]));

  /** Adds a round of `name`, unless it has already failed. */
  async add(name: Contender, measure: () => Promise<Figures>): Promise<void> {
    if (this.failures.has(name)) return;
    try {
      this.#rounds.get(name)?.push(await measure());
    } catch (error) {
      this.failures.set(name, error instanceof Error ? error.message : String(error));
    }
  }

  /** The median of the rounds; NaN if `name` failed. */
  figure(name: Contender, figure: Figure): number {
    return this.#median(this.#values(name, figure));
  }

  /** The median of the ratios to `base`, round by round. */
  ratio(name: Contender, figure: Figure, base = OURS): number {
    const bases = this.#values(base, figure);
    const ratios = this.#values(name, figure).map((value, n) => value / (bases[n] ?? Number.NaN));
    return this.#median(ratios);
  }

  #values(name: Contender, figure: Figure): number[] {
    if (this.failures.has(name)) return [];
    return (this.#rounds.get(name) ?? []).flatMap((round) => round[figure] ?? []);
  }

  #median(values: number[]): number {
    return values.length > 0 ? median(values) : Number.NaN;
  }
}
