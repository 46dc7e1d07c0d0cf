/** The control interface: HTTP and JSON, on a Unix socket and on the console's address, there with TLS where it is configured. */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type RequestListener, request, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { isLoopbackHost, isLoopbackListener, splitAddress } from "../config/listen.ts";
import type { Config } from "../config/load.ts";
import { codeOf, EXIT, ExpectedError, messageOf } from "../log/errors.ts";
import type { Logger } from "../log/logger.ts";
import { Access, type Door } from "./access.ts";
import { AccountFile } from "./accounts/account-file.ts";
import { expectUsers } from "./accounts/expect-users.ts";
import { Login } from "./accounts/login.ts";
import { sessionRoutes } from "./accounts/session-routes.ts";
import { Sessions } from "./accounts/sessions.ts";
import { sendAsset } from "./assets-page.ts";
import type { Control } from "./commands.ts";
import { limitConnections, SERVER_OPTIONS, TLS_OPTIONS } from "./limits.ts";
import { openApiRoute } from "./openapi-page.ts";
import { Router } from "./router.ts";
import type { Route } from "./routes.ts";
import { ownNames, ServerIdentity } from "./tls/server-identity.ts";

export interface ControlServerParts {
  readonly config: Config;
  readonly control: Control;
  /** Besides the commands and the sessions. */
  readonly routes: readonly Route[];
  readonly log: Logger;
}

export class ControlServer {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #accounts: AccountFile;
  readonly #sessions: Sessions;
  readonly #identity: ServerIdentity | undefined;
  readonly #router: Router;
  readonly #servers: Server[] = [];

  constructor({ config, control, routes, log }: ControlServerParts) {
    this.#config = config;
    this.#log = log;
    this.#accounts = new AccountFile(config.console.users);
    this.#sessions = new Sessions(this.#accounts);
    this.#identity = ServerIdentity.of(config, log);
    const isTls = this.#identity !== undefined;
    const { listen, hosts } = config.console;
    const access = new Access({
      accounts: this.#accounts,
      sessions: this.#sessions,
      hosts: [...ownNames(listen), ...hosts].map((host) => host.replace(/^\[(.*)\]$/, "$1").toLowerCase()),
      isLocal: isLoopbackListener(listen),
      isTls,
    });
    const login = new Login(this.#accounts, this.#sessions, log);
    const session = sessionRoutes({ access, login, sessions: this.#sessions, isTls });
    this.#router = new Router({
      control,
      routes: [...session, ...routes, openApiRoute()],
      access,
      log,
      asset: sendAsset,
    });
  }

  /** Serves on a Unix socket that only this user can open. @throws ExpectedError when another Nightjar has it. */
  async listenOnSocket(path: string): Promise<void> {
    if (await answers(path)) {
      const message = `another Nightjar is already running on ${path}; stop it, or give this one its own directories.runtime`;
      throw new ExpectedError(EXIT.environment, message);
    }
    rmSync(path, { force: true });
    const mask = process.umask(0o177);
    try {
      await this.#listen(createServer(SERVER_OPTIONS, this.#listener("socket", false)), { path });
    } catch (error) {
      throw new ExpectedError(EXIT.environment, `the control socket ${path} cannot be made: ${messageOf(error)}`, {
        cause: error,
      });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  }

  /**
   * Serves on the console's address. @returns its URL.
   * @throws ExpectedError when the port is taken or may not be used, there is no user, or the certificate cannot be used.
   */
  async listenOnTcp(): Promise<string> {
    const { listen } = this.#config.console;
    expectUsers(this.#config, this.#accounts);
    const server = this.#tcpServer();
    limitConnections(server, isLoopbackHost);
    const { host, port } = splitAddress(listen);
    try {
      await this.#listen(server, { host, port });
    } catch (error) {
      throw new ExpectedError(EXIT.environment, `console.listen: ${whyNot(error, listen)}`, { cause: error });
    }
    const bound = server.address() as AddressInfo;
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : listen.slice(0, listen.lastIndexOf(":"));
    return `${this.#identity === undefined ? "http" : "https"}://${shown}:${bound.port}/`;
  }

  async close(): Promise<void> {
    this.#identity?.close();
    this.#sessions.close();
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  #tcpServer(): Server {
    const identity = this.#identity;
    if (identity === undefined) return createServer(SERVER_OPTIONS, this.#listener("tcp", false));
    const server = createTlsServer(
      { ...SERVER_OPTIONS, ...TLS_OPTIONS, ...identity.load() },
      this.#listener("tcp", true),
    );
    identity.watch((pair) => server.setSecureContext({ ...TLS_OPTIONS, ...pair }));
    return server;
  }

  #listener(door: Door, isTls: boolean): RequestListener {
    return (incoming, response) => void this.#router.answer(incoming, response, door, isTls);
  }

  #listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        server.on("error", (error) => this.#log.warn({ err: error }, "control interface"));
        resolve();
      });
    });
  }
}

/** Whether somebody listens on a Unix socket (a file that is left over does not answer). */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = request({ socketPath: path, path: "/livez", timeout: 1000, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    probe.once("timeout", () => probe.destroy());
    // Refused or missing: nobody. Anything else (a hang-up, our time-out): somebody who does not speak well.
    probe.once("error", (error) => resolve(!["ENOENT", "ECONNREFUSED"].includes(codeOf(error) ?? "")));
    probe.end();
  });
}

function whyNot(error: unknown, listen: string): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return `${listen} is already in use by another program; end it or choose another port`;
    case "EACCES":
      return `${listen} may not be used by this user; ports below 1024 belong to root, choose a higher one`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${listen} is not an address of this machine`;
    default:
      return `${listen} cannot be used: ${messageOf(error)}`;
  }
}
