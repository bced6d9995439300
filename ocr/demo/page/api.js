// Requests to the server that the page came from. Addresses are relative, so that it may live below any path.

export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(`api/${address}`, options);
  } catch {
    throw new Refusal("The server cannot be reached; is it still running?", 0);
  }
  if (answer.ok) return answer;
  throw new Refusal(reasonOf(await answer.text(), answer.status), answer.status);
}

function reasonOf(text, status) {
  let reason;
  try {
    reason = JSON.parse(text).error;
  } catch {
    reason = text.length < 300 ? text : "";
  }
  return reason || `The server failed (${status})`;
}

const json = async (address, options) => (await ask(address, options)).json();

export const linePath = (page, line) => `files/${page.file}/pages/${page.number}/lines/${line}`;
export const pagePath = (page) => `files/${page.file}/pages/${page.number}`;
const sent = (method, value) => ({ method, body: JSON.stringify(value) });

export const session = () => json("session");
export const readPage = (page) => json(pagePath(page));
export const readLine = (page, line) => json(linePath(page, line));
export const gathered = () => json("corrections");
export const check = (page, line, text) => json(linePath(page, line), { method: "PUT", body: text });
export const uncheck = (page, line) => json(linePath(page, line), { method: "DELETE" });
export const setOrder = (page, order) => json(`${pagePath(page)}/order`, sent("PUT", order));
export const addLines = (page, wanted) => json(`${pagePath(page)}/lines`, sent("POST", wanted));
export const readAgain = (page, rotation) => json(`${pagePath(page)}/reading`, sent("POST", { rotation }));
export const find = (text) => json(`find?text=${encodeURIComponent(text)}`);
export const text = async (address) => (await ask(address)).text();
export const remove = (file, lines) => ask(`files/${file}?lines=${lines}`, { method: "DELETE" });
export const adapting = () => json("adapting");
export const adapt = () => json("adapting", { method: "POST" });
export const stopAdapting = () => json("adapting", { method: "DELETE" });
export const chooseReader = (name) => json("reader", sent("PUT", name));

// With fetch, nothing could be said of how much has been sent.
export function send(file, place, { progress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `api/files?name=${encodeURIComponent(file.name)}&place=${place}`);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new Refusal("The server cannot be reached; is it still running?", 0));
    request.onabort = () => reject(new Refusal("", 0));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText));
      else reject(new Refusal(reasonOf(request.responseText, request.status), request.status));
    };
    signal.onabort = () => request.abort();
    request.send(file);
  });
}

// Fetched rather than linked to: what a link could not have would end in a broken file without a reason.
export async function save(address) {
  const answer = await ask(address);
  const named = /filename(?:\*=utf-8''|=")([^";]+)/i.exec(answer.headers.get("content-disposition"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = decodeURIComponent(named[1]);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
