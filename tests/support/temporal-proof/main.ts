import { proofActivities } from "./activities.ts";

/** A worker, and a client that runs one workflow on it: `proof <host:port> <namespace>`. Prints the workflow's answer. */
async function main(address: string, namespace: string): Promise<void> {
  const { NativeConnection, Worker } = await import("@temporalio/worker");
  const { Client, Connection } = await import("@temporalio/client");
  const { workflowCode } = await import("../../../src/engine/temporal/bundle/workflow-code.ts");
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: "proof",
    activities: proofActivities,
    workflowBundle: { code: await workflowCode() },
  });
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection, namespace });
  const answer = await worker.runUntil(
    client.workflow.execute("proof", {
      taskQueue: "proof",
      workflowId: `proof-${process.pid}-${Date.now()}`,
      args: ["where"],
    }),
  );
  await clientConnection.close();
  await connection.close();
  process.stdout.write(`${answer}\n`);
}

await main(process.argv[2] ?? "localhost:7233", process.argv[3] ?? "reliant");
