//! What the help says in Japanese, of each verb and each of its arguments.

/// What is said of a verb.
pub(super) struct Verb {
    /// The word that is typed.
    pub(super) name: &'static str,
    /// In one line.
    pub(super) about: &'static str,
    /// What is to be known beyond; may be empty.
    pub(super) more: &'static str,
    /// Of each argument that is its own.
    pub(super) arguments: &'static [Told],
}

/// What is said of an argument.
pub(super) struct Told {
    /// clap's name of it.
    pub(super) id: &'static str,
    /// What is given for it; empty where nothing is.
    pub(super) value: &'static str,
    /// In one line.
    pub(super) help: &'static str,
    /// What the long help adds to it; may be empty.
    pub(super) more: &'static str,
    /// What the long help says instead; may be empty.
    pub(super) long: &'static str,
}

impl Verb {
    /// What is said of an argument, whether it is the verb's own or every verb's.
    pub(super) fn argument(&self, id: &str) -> Option<&'static Told> {
        self.arguments.iter().chain(EVERYWHERE).find(|told| told.id == id)
    }
}

impl Told {
    const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    const fn long(self, long: &'static str) -> Self {
        Self { long, ..self }
    }
}

const fn flag(id: &'static str, help: &'static str) -> Told {
    value(id, "", help)
}

const fn value(id: &'static str, value: &'static str, help: &'static str) -> Told {
    Told { id, value, help, more: "", long: "" }
}

/// What is said of a verb, by its word.
pub(super) fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// The tool itself.
pub(super) const TOP: Verb = Verb {
    name: "scrip-wallet",
    about: "プリペイド媒体にチャージしたり、中身を見たりします。ネットワークは要りません",
    more: "端末でコマンドを付けずに実行すると、媒体を検査し、パスワードを一度だけ尋ねてから、\
           メニューを表示します。",
    arguments: &[flag("version", "バージョンを表示します")],
};

/// What every verb takes.
pub(super) const EVERYWHERE: &[Told] = &[
    value(
        "medium",
        "パス",
        "このイメージファイルかデバイス、または媒体がマウントされたフォルダーを開きます",
    )
    .more("省略すると、このプログラムが入っている媒体を開きます。"),
    value(
        "trust",
        "ファイル",
        "この発行元を信頼します（発行元が配布するファイル。複数指定できます）",
    ),
    value("lang", "言語", "表示する言語を選びます（JSONは常に英語です）").more(
        "en は英語、ja は日本語です。省略すると、`SCRIP_LANG` かロケールが示す言語、それもなければ\
         媒体の言語で表示します。",
    ),
    flag("json", "JSONを1行ずつ出力し、最後に結果のオブジェクトを1つ出力します"),
    flag("allow_test_root", "--trust で指定したテスト用の発行元も認めます"),
    flag("help", "使い方を表示します（詳しくは --help）").long("使い方を表示します（要約は -h）"),
];

const PASSWORD_FILE: Told =
    value("password_file", "ファイル", "パスワードを、尋ねる代わりにこのファイルから読みます");

const ITEM: Told = value("item", "品目ID", "品目のID（`catalog` で表示されるもの）");

const NEW_PASSWORD: &[Told] = &[
    value("password_file", "ファイル", "今のパスワードを、尋ねる代わりにこのファイルから読みます"),
    value(
        "new_password_file",
        "ファイル",
        "新しいパスワードを、2回尋ねる代わりにこのファイルから読みます",
    ),
    flag("dry_run", "パスワードを確かめ、何をするかを示すだけで、何も書き込みません"),
];

/// All verbs, in the order of the help.
pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "info",
        about: "正規品かどうかと、残高、カタログを表示します",
        more: "終了コードは、正規品（通常の使用の跡があるだけのものを含む）なら0、別の機器に\
               ある複製か、書き込み領域だけしかないときは1、改変されているか壊れているか、以前と\
               違う発行元のものなら3です。",
        arguments: &[],
    },
    Verb {
        name: "login",
        about: "最初に媒体を自分のものにします。その後はパスワードを確かめます",
        more: "最初のログインでは、パッケージのパスワードに続けて、あなたの新しいパスワードを尋ねます。\
               それからは、あなたのパスワードだけで媒体が開きます。",
        arguments: NEW_PASSWORD,
    },
    Verb {
        name: "passwd", about: "パスワードを変更します", more: "", arguments: NEW_PASSWORD
    },
    Verb {
        name: "balance",
        about: "残高を表示します（パスワードは要りません）",
        more: "",
        arguments: &[],
    },
    Verb {
        name: "topup",
        about: "コードか引換券、またはその画像でチャージします",
        more: "",
        arguments: &[
            value(
                "entry",
                "コードまたはファイル",
                "20桁のコード（空白の位置は自由）か、引換券または画像のファイル。省略すると尋ねます",
            ),
            PASSWORD_FILE,
            flag("yes", "コードに打ち間違いがあるとき、正しいと思われるコードを確認なしで使います"),
            flag("dry_run", "何が追加されるかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "catalog",
        about: "媒体にある品目と、購入済みかどうかを表示します（パスワードは要りません）",
        more: "",
        arguments: &[],
    },
    Verb {
        name: "buy",
        about: "カタログの品目の代金を支払います",
        more: "端末では、値段を示して確認してから支払います。端末でないときは、すぐに支払います。",
        arguments: &[
            ITEM,
            flag("yes", "確認なしで支払います"),
            PASSWORD_FILE,
            flag("dry_run", "いくら支払うかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "play",
        about: "品目をその種類に合ったプログラムで開くか、中身をほかのプログラムに渡します",
        more: "まだ購入していない品目は、確認のうえ先に支払います。このコンピューターを管理する人は、\
               再生したものを手元に残すことができます。",
        arguments: &[
            ITEM,
            flag("stdout", "品目の中身だけを標準出力に書きます"),
            value("with", "プログラム", "品目の中身を、このプログラムの標準入力に渡します"),
            value("arguments", "引数", "プログラムに渡す引数"),
            flag("yes", "購入していない品目の代金を、確認なしで支払います"),
            PASSWORD_FILE,
            flag("dry_run", "何を支払い、何を再生するかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "take",
        about: "ほかの人の媒体か店のキオスクから品目をコピーし、代金を支払います",
        more: "支払うのは届いた分だけで、その一部は相手の媒体の持ち主に入ります。途中で切れても、\
               同じコマンドで続けられます。続きは、同じ品目があるほかの媒体からでも取り込めます。",
        arguments: &[
            value("item", "品目ID", "品目のID"),
            value(
                "from",
                "取り込み元",
                "この媒体（イメージファイル、デバイス、フォルダー）か、キオスクのフォルダーから\
                 取り込みます",
            ),
            PASSWORD_FILE,
            value(
                "from_password_file",
                "ファイル",
                "相手の媒体のパスワードを、尋ねる代わりにこのファイルから読みます",
            ),
            flag("dry_run", "いくらかかるかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "history",
        about: "これまでの記録を表示します。--accounting を付けるとお金の動きを表示します",
        more: "",
        arguments: &[
            flag("accounting", "お金の動きを、金額、その後の残高、相手、理由とともに表示します"),
            value("since", "日付", "この日またはこの時刻より前の記録を除きます"),
            value("until", "日付", "この日より後、またはこの時刻以降の記録を除きます"),
            value("kind", "種類", "この種類の記録だけを表示します（topup や purchase など）"),
            value("limit", "件数", "最後の記録からこの件数だけを表示します"),
            flag("csv", "表計算ソフト用に、カンマ区切りで出力します"),
        ],
    },
    Verb {
        name: "receipt",
        about: "履歴の記録1件を詳しく表示します",
        more: "",
        arguments: &[value("record", "番号", "記録の番号")],
    },
    Verb {
        name: "export",
        about: "店や発行元に渡すため、履歴を証明書とともにファイルに書き出します",
        more: "秘密の情報は含まれません。すでにあるファイルは上書きしません。",
        arguments: &[
            value("file", "ファイル", "書き出し先のファイル"),
            flag("dry_run", "何が書き出されるかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "apply",
        about: "発行元の精算書（この媒体の精算結果のファイル）を適用します",
        more: "精算書が、この媒体にある記録をそのまま精算したものなら、パスワードは要りません。\
               それまでの履歴は SCRIP/OUTBOX のファイルに移り、取引記録は新しく始まります。\
               媒体が二手に分かれたときや、取引記録を新しく始められないときは、パスワードを使って\
               記録として追加します。",
        arguments: &[
            value("file", "ファイル", "精算書のファイル"),
            value(
                "password_file",
                "ファイル",
                "パスワードが要るとき、尋ねる代わりにこのファイルから読みます",
            ),
            flag("dry_run", "何をするかを示すだけで、何も書き込みません"),
        ],
    },
    Verb {
        name: "doctor",
        about: "媒体の異常を説明し、直せるものは直します",
        more: "二つの写しの一方に欠けているものや、媒体が失い、このコンピューターに残っている記録を\
               補います。書き込みをするコマンドも、同じことを最初に行います。中断された書き込みの残りは\
               削除します。異常のない媒体には書き込みません。終了コードは `info` と同じです。",
        arguments: &[
            flag("reseal", "通常の使用で変わった部分を元に戻し、封が合うようにします").more(
                "イメージファイルかデバイスそのものを指定し、アンマウントしておきます。\
                 ファイルは変わりません。改変された媒体には行いません。",
            ),
            flag("dry_run", "何が書き込まれるかを示すだけで、何も書き込みません"),
        ],
    },
    #[cfg(feature = "manual")]
    Verb {
        name: "completions",
        about: "シェルの補完の定義を出力します",
        more: "",
        arguments: &[value("shell", "シェル", "このシェルのための定義です")],
    },
    #[cfg(feature = "manual")]
    Verb {
        name: "man",
        about: "マニュアルページ（英語）をフォルダーに書き出します",
        more: "",
        arguments: &[value("folder", "フォルダー", "書き出し先のフォルダー")],
    },
    Verb {
        name: "help",
        about: "この説明、またはコマンドの説明を表示します",
        more: "",
        arguments: &[],
    },
];
