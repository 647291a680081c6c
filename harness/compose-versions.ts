/** A Compose as it is called; the first version is tried with the builder that was the only one then. */
export interface Compose {
  command: string[];
  env: Record<string, string>;
}
export const COMPOSE_V2: Compose = { command: ['docker', 'compose'], env: {} };
export const COMPOSE_V1: Compose = {
  command: ['docker-compose'],
  env: { DOCKER_BUILDKIT: '0', COMPOSE_DOCKER_CLI_BUILD: '0' },
};
