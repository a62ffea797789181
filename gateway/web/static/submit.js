// Enhancement only: sends the form that otherwise waits for a click on its button.
document.getElementById("handover").submit();
