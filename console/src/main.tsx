import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { App } from "./ui/App";
import "uplot/dist/uPlot.min.css";
import "./ui/style.css";

// The components' own style sheets carry the page's nonce, which its policy asks for.
const nonce = document.querySelector<HTMLElement>('meta[property="csp-nonce"]')?.nonce;
if (nonce) setNonce(nonce);

createRoot(document.getElementById("root")!).render(<App />);
