"""The texts of messages in Chinese and English."""

from __future__ import annotations


class Locale:
    """The texts of one language, with fields in braces."""

    and_more: str
    colon: str
    columns: tuple[str, ...]
    context: str
    counted: str
    error: str
    event: str
    expires: str
    expires_with_keys: str
    files: str
    final: str
    held: str
    language: str
    link: str
    links_left_out: str
    no_advice: str
    review: str
    review_notes: dict[str, str]
    session: str
    source: str
    task: str
    titles: dict[str, str]
    transient: str

    def __init__(self, **texts: object) -> None:
        vars(self).update(texts)

    def format_span(self, seconds: float) -> str:
        """Return a duration in its largest whole unit: ``6 小时``, ``6 h``."""
        whole = int(seconds)
        size, *names = next(unit for unit in _UNITS if whole % unit[0] == 0)
        return f"{whole // size} {names[self.language == 'en']}"


_UNITS = ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s"))

LOCALES = {
    "zh": Locale(
        language="zh",
        colon="：",
        titles={
            "succeeded": "MPS 任务成功",
            "failed": "MPS 任务失败",
            "partly": "MPS 任务部分失败",
            "held": "MPS 任务被内容审核拦截",
            "rejected": "MPS 任务未通过内容审核",
            "unknown": "MPS 任务结束",
        },
        task="任务",
        counted="（{failed}/{total}）",
        event="事件",
        source="源文件",
        session="SessionId",
        context="SessionContext",
        review="审核结论",
        error="错误",
        columns=("结果", "类型", "文件", "详情", "链接"),
        files="共 {count} 个文件",
        held="已被内容审核拦截",
        review_notes={
            "held": "内容审核拦截了此任务的输出，不提供链接",
            "rejected": "此事件没有可拦截的输出，其他任务的输出未受影响",
        },
        link="打开",
        transient="重新提交任务可能成功",
        final="重新提交无效，请先修正输入或参数",
        no_advice="MPS 未说明重新提交是否有效",
        and_more="……还有 {count} 项",
        links_left_out="部分链接因长度限制未列出",
        expires="链接 {span}内有效",
        expires_with_keys="链接最多 {span}内有效（随函数的临时密钥失效）",
    ),
    "en": Locale(
        language="en",
        colon=": ",
        titles={
            "succeeded": "MPS task succeeded",
            "failed": "MPS task failed",
            "partly": "MPS task partly failed",
            "held": "MPS task held by content review",
            "rejected": "MPS task rejected by content review",
            "unknown": "MPS task ended",
        },
        task="Task",
        counted=" ({failed} of {total})",
        event="Event",
        source="Source",
        session="SessionId",
        context="SessionContext",
        review="Review",
        error="Error",
        columns=("Result", "Type", "File", "Details", "Link"),
        files="{count} files",
        held="held by content review",
        review_notes={
            "held": "content review holds the outputs of this task, so there are no links",
            "rejected": "this event has no outputs to hold, outputs of other tasks are unchanged",
        },
        link="open",
        transient="a new submission may succeed",
        final="a new submission cannot succeed: correct the input first",
        no_advice="MPS does not document whether a new submission can succeed",
        and_more="… and {count} more",
        links_left_out="some links are omitted because of their length",
        expires="links expire after {span}",
        expires_with_keys="links expire after at most {span} (with the function's temporary keys)",
    ),
}
"""Locales by the option ``lang=``."""
