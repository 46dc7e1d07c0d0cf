/** A broker that answers as a test tells it: for refusals that no real broker can be brought to. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { generate, type IConnectPacket, type IPublishPacket, type Packet, parser } from "mqtt-packet";

export interface Script {
  /** CONNACK: a reason code (MQTT 5) or return code (3.1.1); "hang-up" closes without an answer. Default: accepted. */
  onConnect?(packet: IConnectPacket, attempt: number): number | "hang-up";
  /** Properties of the CONNACK (MQTT 5). */
  readonly properties?: Record<string, number | boolean>;
  /** PUBACK: a reason code, "silence", or "hang-up". Default: 0. */
  onPublish?(packet: IPublishPacket): number | "silence" | "hang-up";
  /** Answers CONNECT of MQTT 5 like a broker of 3.1.1 that does not know it. */
  readonly only311?: boolean;
  /** Default true. */
  readonly answersPings?: boolean;
  /** How long a PUBLISH waits for its answer; default 5 ms, so that a client could exceed the window if it wanted to. */
  readonly answersAfterMs?: number;
  /** Default true; false for very many. */
  readonly keepsPackets?: boolean;
  /** Sees every PUBLISH. */
  sees?(packet: IPublishPacket): void;
  /** Cuts each connection so long after its CONNACK, whatever it is doing. */
  readonly hangsUpAfterMs?: number;
  /** Of the CONNACK. Default false. */
  readonly sessionPresent?: boolean;
  /** Ends the connection with this reason (MQTT 5) when so many messages have come on it. */
  readonly disconnectsAfter?: { readonly packets: number; readonly reason: number };
}

export class ScriptedBroker {
  readonly published: IPublishPacket[] = [];
  readonly connects: IConnectPacket[] = [];
  /** Most publishes without an answer at one time. */
  maxUnanswered = 0;
  script: Script;
  #server: Server;
  #sockets = new Set<Socket>();
  #unanswered = 0;
  #onConnection = 0;

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(script: Script): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** QoS 1 messages that are not retained. */
  get messages(): IPublishPacket[] {
    return this.published.filter(({ retain }) => !retain);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.#unanswered = 0;
    this.#onConnection = 0;
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    let reader = parser();
    reader.on("packet", (first: Packet) => {
      const { protocolVersion } = first as IConnectPacket;
      reader = parser({ protocolVersion: protocolVersion ?? 4 });
      reader.on("packet", (packet: Packet) => this.#answer(socket, packet, protocolVersion ?? 4));
      this.#connect(socket, first as IConnectPacket);
    });
    socket.on("data", (chunk: Buffer) => reader.parse(chunk));
  }

  #connect(socket: Socket, packet: IConnectPacket): void {
    this.connects.push(packet);
    if (this.script.only311 === true && packet.protocolVersion === 5) {
      socket.end(Buffer.from([0x20, 0x02, 0x00, 0x01]));
      return;
    }
    const code = this.script.onConnect?.(packet, this.connects.length) ?? 0;
    if (code === "hang-up") {
      socket.destroy();
      return;
    }
    const version = packet.protocolVersion ?? 4;
    const properties = this.script.properties ?? {};
    socket.write(
      generate(
        {
          cmd: "connack",
          sessionPresent: this.script.sessionPresent ?? false,
          ...(version === 5 ? { reasonCode: code, properties } : { returnCode: code }),
        } as Packet,
        { protocolVersion: version },
      ),
    );
    if (code !== 0) socket.end();
    const { hangsUpAfterMs } = this.script;
    if (hangsUpAfterMs !== undefined) setTimeout(() => socket.resetAndDestroy(), hangsUpAfterMs);
  }

  #answer(socket: Socket, packet: Packet, version: number): void {
    if (packet.cmd === "pingreq" && this.script.answersPings !== false) socket.write(generate({ cmd: "pingresp" }));
    if (packet.cmd !== "publish") return;
    if (this.script.keepsPackets !== false) this.published.push(packet);
    this.script.sees?.(packet);
    const code = this.script.onPublish?.(packet) ?? 0;
    if (code === "hang-up") {
      socket.destroy();
      return;
    }
    this.#unanswered += 1;
    this.maxUnanswered = Math.max(this.maxUnanswered, this.#unanswered);
    if (code === "silence" || packet.qos === 0) return;
    this.#onConnection += 1;
    const limit = this.script.disconnectsAfter;
    if (limit !== undefined && version === 5 && this.#onConnection > limit.packets) {
      socket.end(generate({ cmd: "disconnect", reasonCode: limit.reason } as Packet, { protocolVersion: 5 }));
      return;
    }
    const later = this.script.answersAfterMs === 0 ? setImmediate : setTimeout;
    later(() => {
      this.#unanswered -= 1;
      if (socket.writable)
        socket.write(
          generate({ cmd: "puback", messageId: packet.messageId, reasonCode: code } as Packet, {
            protocolVersion: version,
          }),
        );
    }, this.script.answersAfterMs ?? 5);
  }
}
