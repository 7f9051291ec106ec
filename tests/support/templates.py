"""Tokenizers of `transformers` with chat templates in the styles that are about, written for these tests.

chat("chatml", folder)     <|im_start|>user⏎hi<|im_end|>⏎<|im_start|>assistant⏎7<|im_end|>⏎
chat("llama-3", folder)    <|begin|><|start|>user<|stop|>⏎⏎hi<|eot|><|start|>assistant<|stop|>⏎⏎7<|eot|>
chat("inst", folder)       <s>[INST] hi [/INST]7</s>
"""

from pathlib import Path

from tokenizers import Tokenizer

from regrowth.weights.codec import HfCodec, hf_codec
from support.networks import a_codec

__all__ = ["STYLES", "TAGGED", "chat"]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "<|begin|>{% for m in messages %}<|start|>{{ m['role'] }}<|stop|>\n\n{{ m['content'] | trim }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant<|stop|>\n\n{% endif %}"
)
INST = (
    "{{ '<s>' }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% elif m['role'] == 'assistant' %}{{ m['content'] }}</s>"
    "{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
TAGGED = CHATML.replace(
    "{{ m['content'] }}<|im_end|>",
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ m['content'] }}<|im_end|>{% endif %}\n",  # the first line break behind a tag is dropped
)
"""ChatML with the tags by which `transformers` finds what the assistant said."""
THINKING = CHATML.replace(
    "{{ m['content'] }}",
    "{% if m['role'] == 'assistant' %}{{ m['content'].split('</think>')[-1] }}{% else %}{{ m['content'] }}{% endif %}",
)
INSERTING = CHATML.replace("\n{{ m", "\n{% if loop.last and m['role'] == 'assistant' %}<think></think>{% endif %}{{ m")
HYBRID = INSERTING.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}",
)
STYLES = {
    "chatml": (CHATML, "<|im_end|>"),
    "tagged": (TAGGED, "<|im_end|>"),
    "llama-3": (LLAMA, "<|eot|>"),
    "inst": (INST, "</s>"),
    "base chatml": (CHATML, "<|endoftext|>"),
    "strips thoughts": (THINKING, "<|im_end|>"),
    "empty thought": (INSERTING, "<|im_end|>"),
    "hybrid": (HYBRID, "<|im_end|>"),
    "spaced inst": (INST.replace("{{ m['content'] }}</s>", " {{ m['content'] }}</s>"), "</s>"),
    "no end": (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}",
        "</s>",
    ),
    "starts anew": (CHATML.replace("%}<|im_start|>assistant\n{%", "%}<|im_start|>assistant!\n{%"), "<|im_end|>"),
    "deaf": (
        CHATML.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}"),
        "<|im_end|>",
    ),
    "goes on": (CHATML + "{% if not add_generation_prompt %}<|endoftext|>{% endif %}", "<|im_end|>"),
    "polite": (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + CHATML,
        "<|im_end|>",
    ),
    "dated": ("Today is {{ strftime_now('%d %B %Y') }}. " + CHATML, "<|im_end|>"),
}
"""Template and end-of-text token by name."""
TOKENS = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|begin|>", "<|start|>", "<|stop|>", "<|eot|>", "<s>", "</s>"]


def chat(style: str, folder: Path) -> HfCodec:
    """Write a tokenizer that speaks in a style, and read its codec."""
    from transformers import PreTrainedTokenizerFast

    template, end = STYLES[style]
    words = Tokenizer.from_str(a_codec().tokenizer.to_str())
    words.add_special_tokens(TOKENS)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token=end, pad_token="<pad>")  # type: ignore[no-untyped-call]
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return hf_codec(folder)
