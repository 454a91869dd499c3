"""The words that name a service which every desk knows: data. Pure.

Each phrase begins with plain letters: by them it is looked up. Of services that are named alike the first is meant.
"""

from __future__ import annotations

from typing import Final

READ_MAX: Final = 3_000  # characters
SUBJECT_WEIGHT: Final = 2.0

WORDS: Final = {
    "access": r"""log ?in;log(?:ged)? ?(?:on|out);sign(?:ed|ing)?[ -]?(?:in|on);password\w*;passcode\w*
        locked out
        account (?:is )?(?:locked|blocked);two[- ]factor;2fa;mfa;authenticator;permission\w*;access denied
        credential\w*
        anmeld\w*;kennwort\w*;passwort\w*;zugang\w*;zugriff\w*;gesperrt;mot de passe;connexion;accesso
        contraseña""",
    "email": r"""e-?mails?;emails?;mails?;inbox\w*;outlook;mailbox\w*;smtp;imap;thunderbird;attachment\w*;spam folder
        postfach\w*
        e-mails;courriel\w*;posta elettronica;correo""",
    "network": r"""network\w*;wi-?fi;wlan;internet;router\w*;switch port;dns;dhcp;lan;ping;packet loss
        bandwidth;firewall
        netzwerk\w*;réseau;rete;red local""",
    "vpn": r"""vpn\w*;remote access;tunnel;anyconnect;wireguard;openvpn""",
    "printing": r"""print(?:er|ers|ing|s|ed)?;toner;scanner\w*;scan(?:ning)?;paper jam;drucker\w*;imprimante\w*
        stampante
        impresora\w*""",
    "billing": r"""invoice\w*;bill(?:ed|ing|s)?;charg(?:e|ed|es) (?:me|us|twice);refund\w*;payment\w*
        subscription\w*;overcharg\w*
        rechnung\w*;erstattung\w*;zahlung\w*;facture\w*;fattura;factura""",
    "hardware": r"""laptop\w*;notebook\w*;monitor\w*;keyboard\w*;mouse;docking;battery;hard (?:disk|drive);ssd
        webcam\w*;headset\w*
        bildschirm\w*;tastatur\w*;maus;akku""",
    "telephony": r"""phone (?:line|system)\w*;desk phone\w*;voicemail;voip;sip;softphone
        call (?:drops?|quality)\w*;telefon\w*""",
    "application": r"""app(?:lication)?s?;software;program;browser\w*;crash\w*;freez\w*;web ?site;page
        dashboard;button\w*;update\w*
        install\w*;version;anwendung\w*;programm\w*;stürzt ab;absturz\w*""",
    "data": r"""database\w*;report\w*;export\w*;import\w*;backup\w*;restore\w*;records?;spreadsheet\w*;sql
        datenbank\w*;bericht\w*
        sicherung\w*""",
    "security": r"""phish\w*;malware;virus\w*;ransomware;hacked;breach\w*;suspicious;compromised;trojan\w*
        schadsoftware""",
    "request": r"""request (?:for )?(?:a )?new;order (?:a|new);new (?:employee|starter|hire|joiner)\w*
        onboarding;feature request
        would like to (?:have|order|request);could we get;bestell\w*;neue[rn]? mitarbeiter\w*""",
}
