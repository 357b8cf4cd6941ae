@echo off
rem Drop a folder on this file: the report opens in the browser.
rem Before any Japanese: in code page 932 its bytes would swallow line ends.
chcp 65001 >nul
rem このファイルにフォルダを重ねて放すと、報告書がブラウザで開きます。
if "%~1"=="" (
  echo Drop a folder on scan.cmd. / scan.cmd にフォルダを重ねて放してください。
  pause
  exit /b 2
)
set "REPORT=%TEMP%\sekisho-scan-%RANDOM%.html"
"%~dp0sekisho.exe" scan --html "%REPORT%" "%~1"
if exist "%REPORT%" start "" "%REPORT%"
pause
