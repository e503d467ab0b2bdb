"use strict";

const tabs = JSON.parse(document.getElementById("tabs").textContent);

// Subscriptions come as server-sent events, so that the header editor's token reaches them too.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        if (block.startsWith("event: complete")) return;
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (data) yield JSON.parse(data.slice("data: ".length));
      }
    }
  } finally {
    await reader.cancel();
  }
}

async function fetcher(params, options) {
  const operations = (options.documentAST?.definitions ?? []).filter(
    (definition) => definition.kind === "OperationDefinition",
  );
  const chosen =
    operations.find((operation) => operation.name?.value === params.operationName) ?? operations[0];
  const streams = chosen?.operation === "subscription";
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: streams ? "text/event-stream" : "application/graphql-response+json",
      ...options.headers,
    },
    body: JSON.stringify(params),
  });
  const type = response.headers.get("content-type") ?? "";
  return type.startsWith("text/event-stream") ? events(response) : response.json();
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: tabs,
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
